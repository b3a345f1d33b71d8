//! Explanations in words: the one place where sentences about requests, workers and tasks are made.

mod request;
mod task;
mod worker;

pub(crate) use request::{Asked, request};
pub(crate) use task::{Sight, task};
pub(crate) use worker::worker;

/// A number and what is counted: `1 task`, `3 tasks`.
fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// The capabilities that a tag names.
fn capabilities(tag: units::Tag) -> String {
    let bits = units::U256::from_be_bytes(tag.0.0);
    let name = |bit: usize| match bit {
        0 => "a TEE".to_owned(),
        1 => "Scone".to_owned(),
        2 => "Gramine".to_owned(),
        3 => "TDX".to_owned(),
        8 => "a GPU".to_owned(),
        9 => "a runtime for container images (`hands doctor` there says how to get one)".to_owned(),
        other => format!("capability {other}"),
    };
    let names: Vec<String> = (0..256).filter(|bit| bits.bit(*bit)).map(name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{B256, Tag, U256};

    #[test]
    fn capabilities_are_said_by_name() {
        let tag = Tag(B256::from(U256::from(0x101_u64)));
        assert_eq!(capabilities(tag), "a TEE, a GPU");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!((count(1_u64, "task"), count(2_u64, "task")), ("1 task".to_owned(), "2 tasks".to_owned()));
    }
}
