//! Checkers and provers: what they are shown, and what counts of what they say.

use crate::guest::{Guest, Place, started};
use results::{Failure, encode};
use sandbox::{Case, Control, Open, Program, Verdict};
use std::collections::BTreeMap;

/// A result: what was said, and files by name.
fn tree(said: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(name, text)| ((*name).to_owned(), text.to_vec())).collect();
    encode(said.as_bytes(), &files).unwrap().0
}

/// What a judge makes of a result, held against another or by itself.
fn judged(
    place: &Place,
    judge: Program,
    (args, task): (&[&str], &[&str]),
    result: &[u8],
    other: Option<&[u8]>,
) -> Verdict {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let case = Case {
        judge,
        args: owned(args),
        task_args: owned(task),
        inputs: Vec::new(),
        result: place.host_file("one", result),
        other: other.map(|other| place.host_file("other", other)),
        time: sandbox::JUDGE_TIME,
        control: Control::new(),
    };
    place.sandbox.judge(&case).expect("nothing is wrong with this machine")
}

fn compared(place: &Place, args: &[&str], one: &[u8], other: &[u8]) -> Verdict {
    let judge = || Program::from_bytes(bundle::COMPARE);
    let verdict = judged(place, judge(), (args, &[]), one, Some(other));
    let back = judged(place, judge(), (args, &[]), other, Some(one));
    assert_eq!(verdict, back, "whichever comes first");
    verdict
}

#[test]
fn the_bundled_checker_compares_numbers_within_a_tolerance() {
    let place = Place::new();
    let args = ["numbers", "--relative", "1e-6..1e-3"];
    let result = |said: &str, text: &str| tree(said, &[("deep/table.csv", text.as_bytes())]);
    let one = result("done\n", "x,1.0\ny,2.0\n");
    assert_eq!(compared(&place, &args, &one, &result("done\n", "x,1.0000000001\ny,2\n")), Verdict::Good);
    assert_eq!(compared(&place, &args, &one, &result("done\n", "x,1.0001\ny,2.0\n")), Verdict::Open(Open::Said));
    assert_eq!(compared(&place, &args, &one, &result("done\n", "x,1.1\ny,2.0\n")), Verdict::Wrong);
    assert_eq!(
        compared(&place, &args, &one, &result("failed\n", "x,1.0\ny,2.0\n")),
        Verdict::Wrong,
        "what it said counts"
    );
    assert_eq!(compared(&place, &args, &one, &tree("done\n", &[("table.csv", b"x,1.0\ny,2.0\n")])), Verdict::Wrong);
    assert_eq!(compared(&place, &args, &tree("", &[]), &tree("", &[])), Verdict::Good, "a result may have no files");
}

/// A gray picture of 16 by 16 pixels as a PNG file, not compressed.
fn picture(pixel: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let mut raw = Vec::new();
    for y in 0..16 {
        raw.push(0);
        raw.extend((0..16).map(|x| pixel(x, y)));
    }
    let (low, high) = raw.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    let length = u16::try_from(raw.len()).unwrap();
    let mut packed = vec![0x78, 0x01, 0x01];
    packed.extend(length.to_le_bytes().iter().chain(&(!length).to_le_bytes()));
    packed.extend(raw);
    packed.extend((high << 16 | low).to_be_bytes());
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in
        [(b"IHDR", vec![0, 0, 0, 16, 0, 0, 0, 16, 8, 0, 0, 0, 0]), (b"IDAT", packed), (b"IEND", vec![])]
    {
        let chunk = [kind.as_slice(), &content].concat();
        let crc = !chunk.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        });
        file.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        file.extend(chunk);
        file.extend(crc.to_be_bytes());
    }
    file
}

#[test]
fn the_bundled_checker_compares_pictures_within_the_apps_bound() {
    let place = Place::new();
    let args = ["picture", "--psnr", "40", "--ssim", "0.95"];
    let frame = |pixel: fn(u8, u8) -> u8| tree("", &[("0001.png", &picture(pixel))]);
    let one = frame(|x, y| x * 9 + y * 5);
    assert_eq!(compared(&place, &args, &one, &frame(|x, y| x * 9 + y * 5 + u8::from(x == y))), Verdict::Good);
    assert_eq!(compared(&place, &args, &one, &frame(|x, y| y * 9 + x * 5)), Verdict::Wrong);
    assert_eq!(
        compared(&place, &args, &one, &tree("", &[("0002.png", &picture(|x, y| x * 9 + y * 5))])),
        Verdict::Wrong
    );
    assert_eq!(compared(&place, &args, &one, &tree("", &[("0001.png", b"no picture")])), Verdict::Wrong);
}

#[test]
fn a_hit_of_the_search_proves_itself_and_a_forged_one_does_not() {
    let module = bundle::APPS.iter().flat_map(|app| app.files).find(|(name, _)| *name == "search.wasm").unwrap().1;
    // Bitcoin's first block.
    let header = "01000000000000000000000000000000000000000000000000000000000000000000000\
        03ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
    let target = format!("00000000ffff{}", "0".repeat(52));
    let task = ["scan", header, &target, "2083236000", "2083237000"];
    let hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
    let place = Place::new();
    let proved = |hits: &str| {
        let files: &[(&str, &[u8])] = if hits.is_empty() { &[] } else { &[("hits.txt", hits.as_bytes())] };
        judged(&place, Program::from_bytes(module), (&[], &task), &tree("", files), None)
    };
    assert_eq!(proved(&format!("2083236893 {hash}\n")), Verdict::Good);
    assert_eq!(proved(&format!("2083236894 {hash}\n")), Verdict::Wrong);
    assert_eq!(proved(&format!("2083236893 {hash}\n2083236999 {hash}\n")), Verdict::Wrong);
    assert_eq!(proved(""), Verdict::Open(Open::Said), "nothing found is nothing proved");
}

#[test]
fn a_judge_that_fails_or_says_nothing_it_may_say_has_decided_nothing() {
    let result = tree("", &[("a", b"1")]);
    let place = Place::new();
    let verdict = |judge: Program| judged(&place, judge, (&[], &[]), &result, Some(&result));
    assert_eq!(verdict(Guest::new().say(1, "looks\nequal\n").quiet()), Verdict::Good, "the last word counts");
    assert_eq!(verdict(Guest::new().say(1, "fine\n").quiet()), Verdict::Open(Open::NoWord));
    assert_eq!(
        verdict(Guest::new().say(2, "equal\n").quiet()),
        Verdict::Open(Open::NoWord),
        "standard error is no answer"
    );
    assert_eq!(verdict(Guest::new().say(1, "proved\n").quiet()), Verdict::Open(Open::NoWord), "a prover's word");
    assert_eq!(verdict(started("unreachable")), Verdict::Open(Open::Failed(Failure::Trap)));
    assert!(matches!(verdict(Program::from_bytes(*b"no module")), Verdict::Open(Open::Failed(_))));
    let misfit = verdict(Program::from_bytes(bundle::MISFIT));
    assert!(matches!(misfit, Verdict::Open(Open::Failed(Failure::Exit { .. }))), "{misfit:?}");
}

#[test]
fn what_is_no_tree_is_not_shown_to_a_judge() {
    let place = Place::new();
    let says_equal = || Guest::new().say(1, "equal\n").quiet();
    let result = tree("", &[("a", b"1")]);
    let failure = Failure::Exit { code: 3 }.encode();
    let (cut, more) = (&result[..result.len() - 1], [result.as_slice(), b"x"].concat());
    for bad in [&failure, cut, &more, b"" as &[u8]] {
        assert_eq!(
            judged(&place, says_equal(), (&[], &[]), &result, Some(bad)),
            Verdict::Open(Open::NoTree),
            "{bad:?}"
        );
        assert_eq!(
            judged(&place, says_equal(), (&[], &[]), bad, Some(&result)),
            Verdict::Open(Open::NoTree),
            "{bad:?}"
        );
    }
}

#[test]
fn names_in_a_result_reach_nothing_but_its_own_files() {
    let place = Place::new();
    for name in ["../request.json", "/etc/passwd", "a/../../other/x", "..", "a\\b"] {
        let mut forged = b"MHTREE\0\x01\0".to_vec();
        forged.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        forged.extend(name.as_bytes());
        forged.extend(1_u64.to_be_bytes());
        forged.extend(b"x\xff");
        let verdict = judged(&place, Guest::new().say(1, "proved\n").quiet(), (&[], &[]), &forged, None);
        assert_eq!(verdict, Verdict::Open(Open::NoTree), "{name}");
    }
}
