//! The family of this machine's processors.
//!
//! Compilers and libraries choose instructions by vendor, family and model, and with them how sums are rounded: machines whose
//! processors are alike in these give equal results where others do not.

use std::sync::OnceLock;

/// Architecture, vendor, family and model, such as `x86_64 AuthenticAMD 25-1`; the architecture alone where the system does not
/// say more.
pub(crate) fn family() -> String {
    static FAMILY: OnceLock<String> = OnceLock::new();
    let read = || of(std::env::consts::ARCH, &std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
    FAMILY.get_or_init(read).clone()
}

fn of(architecture: &str, cpuinfo: &str) -> String {
    let field = |names: &[&str]| {
        let lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(name, _)| names.contains(&name.trim())).map(|(_, value)| value.trim());
        found.next().filter(|value| value.len() <= 32 && !value.contains(char::is_control))
    };
    let vendor = field(&["vendor_id", "CPU implementer"]);
    let family = field(&["cpu family", "CPU architecture"]);
    let model = field(&["model", "CPU part"]);
    match (vendor, family, model) {
        (Some(vendor), Some(family), Some(model)) => format!("{architecture} {vendor} {family}-{model}"),
        _ => architecture.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processors_family_is_its_vendor_family_and_model() {
        let x86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: EPYC\n";
        assert_eq!(of("x86_64", x86), "x86_64 AuthenticAMD 25-1");
        let arm = "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n";
        assert_eq!(of("aarch64", arm), "aarch64 0x41 8-0xd0c");
        assert_eq!(of("riscv64", ""), "riscv64");
    }
}
