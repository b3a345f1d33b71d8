use crate::hands::Home;

/// The format's published test vector; its passphrase is `testpassword`.
const KEYSTORE: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
    "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":
    {"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
    "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
    "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;
const SECRET: &str = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const ADDRESS: &str = "0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b";

#[test]
fn a_key_is_made_on_first_use_and_stays() {
    let home = Home::new();
    let first = home.hands("wallet show --json").ok().json();
    assert_eq!(home.hands("wallet show --json").ok().json(), first);
    assert_eq!(first["encrypted"], false);
}

#[test]
fn another_wallets_keystore_is_imported_and_exported_again() {
    let home = Home::new();
    home.file("theirs.json", KEYSTORE);
    let import = |passphrase: &str| {
        let mut command = home.command(["wallet", "import", "theirs.json"]);
        crate::hands::Ended::from(command.env("MANYHANDS_PASSPHRASE", passphrase).output().unwrap())
    };
    import("wrong").fails(1, &["passphrase is wrong"]);
    let imported = import("testpassword").ok();
    assert_eq!(imported.stdout.trim().to_lowercase(), ADDRESS);
    assert_eq!(home.hands("wallet export --plain").ok().stdout.trim(), SECRET);
    import("testpassword").fails(1, &["already"]);
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let home = Home::new();
    home.file("key", SECRET).hands("wallet import key").ok();
    let with = |passphrase: &str, words: &str| {
        let mut command = home.command(words.split_whitespace());
        crate::hands::Ended::from(command.env("MANYHANDS_PASSPHRASE", passphrase).output().unwrap())
    };
    with("sesame", "wallet encrypt").ok();
    assert!(!home.path().join("key").exists());
    let shown = home.hands("wallet show --json").ok().json();
    assert_eq!(shown["encrypted"], true);
    assert_eq!(shown["address"].as_str().unwrap().to_lowercase(), ADDRESS);
    home.hands("wallet export --plain").fails(1, &["passphrase", "MANYHANDS_PASSPHRASE"]);
    with("wrong", "wallet export --plain").fails(1, &["passphrase is wrong"]);
    assert_eq!(with("sesame", "wallet export --plain").ok().stdout.trim(), SECRET);
}

#[test]
fn what_is_no_key_is_not_imported() {
    let home = Home::new();
    home.file("key", "hello").hands("wallet import key").fails(1, &["64 hexadecimal digits"]);
}
