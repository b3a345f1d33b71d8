use client::{Folder, Placed, Tree};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A tree with these files and this standard output.
fn tree(files: &[(&str, &str)], stdout: &str) -> Tree {
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect();
    let bytes = encode(stdout.as_bytes(), &files);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    Tree::open(file.path()).unwrap()
}

fn encode(stdout: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    results::encode(stdout, files).unwrap().0
}

fn to(placed: &[Placed]) -> Vec<&str> {
    placed.iter().map(|placed| placed.to.as_str()).collect()
}

fn listing(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, names);
            } else {
                names.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    let mut names = Vec::new();
    walk(root, root, &mut names);
    names.sort();
    names
}

#[test]
fn files_go_where_the_program_put_them_and_no_part_is_left() {
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(home.path().join("out"));
    let placed = folder.place(0, &tree(&[("a.txt", "A"), ("deep/er/b", "")], "said"), Some("0.stdout")).unwrap();
    assert_eq!(to(&placed), ["0.stdout", "a.txt", "deep/er/b"]);
    assert_eq!(listing(folder.root()), ["0.stdout", "a.txt", "deep/er/b"]);
    assert_eq!(fs::read_to_string(folder.root().join("a.txt")).unwrap(), "A");
    assert_eq!(fs::read_to_string(folder.root().join("0.stdout")).unwrap(), "said");
}

#[test]
fn standard_output_without_a_name_is_not_placed_and_an_empty_result_makes_no_folder() {
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(home.path().join("out"));
    assert_eq!(folder.place(0, &tree(&[], "said"), None).unwrap(), []);
    assert!(!folder.root().exists());
}

#[test]
fn the_later_of_two_tasks_with_one_path_goes_into_a_folder_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(home.path());
    folder.place(4, &tree(&[("log", "four"), ("4.png", "")], ""), None).unwrap();
    let placed = folder.place(2, &tree(&[("log", "two"), ("2.png", "")], ""), None).unwrap();
    assert_eq!(to(&placed), ["2.png", "task-2/log"]);
    assert_eq!(fs::read_to_string(home.path().join("log")).unwrap(), "four");
    assert_eq!(fs::read_to_string(home.path().join("task-2/log")).unwrap(), "two");
}

#[test]
fn a_path_that_is_a_file_of_one_task_and_a_folder_of_another_collides() {
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(home.path());
    folder.place(0, &tree(&[("a", "file")], ""), None).unwrap();
    assert_eq!(to(&folder.place(1, &tree(&[("a/b", "")], ""), None).unwrap()), ["task-1/a/b"]);
    folder.place(2, &tree(&[("x/y", "")], ""), None).unwrap();
    assert_eq!(to(&folder.place(3, &tree(&[("x", "")], ""), None).unwrap()), ["task-3/x"]);
}

#[test]
fn a_task_that_writes_into_anothers_folder_takes_nothing_from_it() {
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(home.path());
    folder.place(0, &tree(&[("log", "zero"), ("task-1/log", "sly")], ""), None).unwrap();
    assert_eq!(to(&folder.place(1, &tree(&[("log", "one")], ""), None).unwrap()), ["task-1-2/log"]);
    assert_eq!(fs::read_to_string(home.path().join("task-1/log")).unwrap(), "sly");
}

#[test]
fn placing_a_task_again_replaces_its_own_files_only() {
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::new(home.path());
    folder.place(0, &tree(&[("a", "first")], ""), None).unwrap();
    // A new process that knows what the old one placed.
    let mut again = Folder::new(home.path());
    again.adopt(0, "a");
    assert_eq!(to(&again.place(0, &tree(&[("a", "second")], ""), None).unwrap()), ["a"]);
    assert_eq!(fs::read_to_string(home.path().join("a")).unwrap(), "second");
}

#[test]
fn a_persons_own_file_is_kept_and_an_earlier_jobs_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("mine"), "precious").unwrap();
    fs::write(home.path().join("earlier"), "stale").unwrap();
    let mut folder = Folder::new(home.path());
    folder.allow_replacing("earlier");
    let placed = folder.place(0, &tree(&[("earlier", "new"), ("mine", "new")], ""), None).unwrap();
    assert_eq!(to(&placed), ["earlier", "task-0/mine"]);
    assert_eq!(fs::read_to_string(home.path().join("mine")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(home.path().join("earlier")).unwrap(), "new");
}

#[cfg(unix)]
#[test]
fn a_link_is_never_followed_out_of_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "precious").unwrap();
    let root = home.path().join("out");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("folder")).unwrap();
    std::os::unix::fs::symlink(outside.join("file"), root.join("link")).unwrap();
    let mut folder = Folder::new(&root);
    folder.allow_replacing("link");
    let placed = folder.place(0, &tree(&[("folder/x", "evil"), ("link", "evil")], ""), None).unwrap();
    assert_eq!(to(&placed), ["task-0/folder/x", "task-0/link"]);
    assert_eq!(listing(&outside), ["file"]);
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "precious");
}

#[test]
fn what_is_no_result_is_not_opened() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for bad in [b"".as_slice(), b"not a result", &encode(b"x", &BTreeMap::new())[..10]] {
        fs::write(file.path(), bad).unwrap();
        assert!(Tree::open(file.path()).is_err());
    }
}

#[test]
fn a_file_that_a_killed_program_placed_and_could_not_remember_is_taken_for_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    Folder::new(home.path()).place(3, &tree(&[("log", "three")], ""), None).unwrap();
    fs::write(home.path().join(".hands-part-x"), "half").unwrap();
    let mut again = Folder::new(home.path());
    again.sweep().unwrap();
    assert_eq!(to(&again.place(3, &tree(&[("log", "three")], ""), None).unwrap()), ["log"]);
    assert_eq!(to(&again.place(4, &tree(&[("log", "other")], ""), None).unwrap()), ["task-4/log"]);
    let names: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().starts_with(".hands-part-")), "{names:?}");
}
