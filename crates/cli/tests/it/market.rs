//! An exchange that goes on: `hands up`, `hands serve`, `hands work`, and what people do there.

use crate::hands::{Home, listing};

#[test]
fn a_run_uses_the_exchange_that_is_up_and_workers_are_listed() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let mut up = home.start("up --listen 127.0.0.1:0 --workers 2");
    let token = up.value("join token");
    assert!(!token.is_empty());
    let ended = home.run(["run", "misfit.wasm", "--", "print", "x"]).ok();
    assert_eq!(ended.stdout, "x\n");
    assert!(!ended.stderr.contains("embedded"), "{ended:#?}");
    let workers = home.hands("workers --json").ok().json();
    assert_eq!(workers.as_array().unwrap().len(), 2, "{workers}");
    assert!(home.hands("pool list --json").ok().json().as_array().unwrap().len() >= 2);
}

#[test]
fn a_stranger_without_the_token_is_kept_out_and_one_with_it_let_in() {
    let (home, stranger) = (Home::new(), Home::new());
    stranger.file("misfit.wasm", bundle::MISFIT);
    let mut up = home.start("up --listen 127.0.0.1:0");
    let url = up.value("exchange");
    let token = up.value("join token");
    let run = format!("run misfit.wasm --exchange {url}");
    stranger.hands(&format!("{run} -- print x")).fails(5, &["--join"]);
    stranger.hands(&format!("{run} --join wrong -- print x")).fails(5, &["--join"]);
    let ended = stranger.hands(&format!("{run} --join {token} -- print x")).ok();
    assert_eq!(ended.stdout, "x\n");
    // The token is remembered.
    stranger.hands(&format!("{run} -- print x")).ok();
    stranger.hands(&format!("work --exchange {url} --join wrong")).fails(1, &["refused"]);
}

#[test]
fn a_port_that_is_taken_is_named_with_the_option_that_chooses_another() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    home.hands(&format!("up --listen {address}")).fails(1, &[&address, "--listen"]);
}

#[test]
fn on_an_open_exchange_inputs_are_sent_only_after_it_was_agreed_to() {
    let (home, person) = (Home::new(), Home::new());
    person.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    let run = format!("run misfit.wasm --exchange {url} --max-price 0 --detach");
    person.hands(&format!("{run} -- print x")).fails(1, &["you do not know", "--yes"]);
    let first = person.hands(&format!("{run} --yes -- print x")).ok();
    assert!(first.stderr.contains("you do not know"));
    let again = person.hands(&format!("{run} -- print x")).ok();
    assert!(!again.stderr.contains("you do not know"), "it says so once: {again:#?}");
}

#[test]
fn on_an_open_exchange_a_run_at_the_books_price_pays_the_workers_and_the_books_balance() {
    let (home, person) = (Home::new(), Home::new());
    person.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    assert!(serve.value("stakes").starts_with("1000.00"));
    let at = format!("--exchange {url}");
    let address = person.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
    let run = format!("run misfit.wasm {at} --yes --max-price 2");
    person.hands(&format!("{run} -- print x")).fails(5, &["hands operator credit"]);
    home.hands(&format!("operator credit {address} 20")).ok();

    // Two owners, so that at trust 3 each result has a second opinion.
    let providers = [Home::new(), Home::new()];
    let mut works = Vec::new();
    for provider in &providers {
        let mut work = provider.start_overheard(&format!("work {at} --floor 0.5 --cores 1"));
        work.says("connected");
        works.push(work);
    }
    assert_eq!(person.hands(&format!("{run} -- print x")).ok().stdout, "x\n");
    let free = |home: &Home| {
        let balance = home.hands(&format!("wallet balance --json {at}")).ok().json();
        balance["free"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let paid = 20_000_000_000 - free(&person);
    assert!((1_000_000_000..=2_000_000_000).contains(&paid), "{paid}");
    // A newcomer's first earnings in the commons are its deposit.
    let workers = person.hands(&format!("workers --json {at}")).ok().json();
    assert_eq!(workers.as_array().unwrap().len(), 2);
    for worker in workers.as_array().unwrap() {
        let worker = worker["address"].as_str().unwrap();
        let page = person.hands(&format!("provider {worker} --json {at}")).ok().json();
        assert!(page["withheld"].as_str().unwrap().parse::<u64>().unwrap() >= 500_000_000, "{page}");
        assert_eq!(page["delivered"], 1, "{page}");
    }
    let provider = &providers[0];
    let balance = provider.hands(&format!("wallet balance {at}")).ok().stdout;
    assert!(balance.contains("are its deposit in pool commons"), "{balance}");
    let deposit = provider.hands(&format!("wallet balance --json {at}")).ok().json()["deposits"][0].clone();
    let worker = deposit["worker"].as_str().unwrap().to_owned();
    let collected = provider.hands(&format!("wallet collect {at}")).ok();
    assert!(collected.stdout.contains("credits stay where they are, as deposits"), "{collected:#?}");
    let way = format!("`hands pool leave \"commons\" {worker}` brings them back").to_lowercase();
    assert!(collected.stderr.to_lowercase().contains(&way), "{collected:#?}");
    provider.hands(&format!("pool leave commons {worker} {at}")).fails(5, &["let it work until it is proven"]);
    let proven = person.run(["audit", &url, "--json"]).ok().json();
    assert_eq!(proven["outstanding"], "1020000000000");
}

#[test]
fn a_job_whose_program_always_fails_is_halted_and_says_so() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let files: Vec<String> = (0..300).map(|number| format!("{number}.txt")).collect();
    for file in &files {
        home.file(file, file);
    }
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    let token = serve.value("join token");
    let providers = [Home::new(), Home::new()];
    let _works = providers.each_ref().map(|provider| {
        let mut work = provider.start_overheard(&format!("work --exchange {url} --join {token} --cores 1"));
        work.says("connected");
        work
    });
    let ended = home.hands(&format!("map misfit.wasm {} --out out -- exit 3", files.join(" ")));
    let ended = ended
        .fails(3, &["failed: the program ended with exit code 3", "not bought (halted: its program always fails)"]);
    let jobs = home.hands("job list").ok().stdout;
    assert!(jobs.contains("halted: its program always fails"), "{jobs}");
    let id = home.hands("job list --json").ok().json()[0]["id"].as_str().unwrap().to_owned();
    let job = home.hands(&format!("job show {id} --json")).ok().json();
    assert_eq!((job["state"].as_str(), job["halted"].as_bool()), (Some("halted"), Some(true)), "{ended:#?}");
}

#[test]
fn a_region_is_wished_for_and_a_tag_is_asked_for_by_those_who_say_so() {
    let (home, provider) = (Home::new(), Home::new());
    home.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    let token = serve.value("join token");
    home.hands("run misfit.wasm --tag fast -- print x").fails(2, &["neither tee nor gpu nor a number"]);
    provider
        .hands(&format!("work --exchange {url} --join {token} --tag gpu"))
        .fails(2, &["no program run here can reach one"]);
    let id = home.hands("run misfit.wasm --tag 200 --region eu-west --out out --detach -- write a b").ok().stdout;
    let id = id.trim();
    let plain = Home::new();
    let mut other = plain.start_overheard(&format!("work --exchange {url} --join {token} --cores 1"));
    other.says("connected");
    let explained = home.hands(&format!("explain {id}")).ok().stdout;
    assert!(explained.contains("wait") || explained.contains("no offer"), "{explained}");
    assert_eq!(home.hands(&format!("job show {id} --json")).ok().json()["finished"], 0, "nobody has it");
    let _work = provider.start(&format!("work --exchange {url} --join {token} --cores 1 --tag 200 --region eu-west"));
    home.hands(&format!("job watch {id}")).ok();
    assert_eq!(home.read("out/a"), "b");
}

#[test]
fn without_workers_a_job_waits_says_why_and_can_be_cancelled() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    serve.value("exchange");
    let id = home.hands("run misfit.wasm --detach -- print x").ok().stdout.trim().to_owned();
    let explained = home.hands(&format!("explain {id} --json")).ok().json();
    assert_eq!(explained["waiting"], 1, "{explained}");
    assert!(!explained["summary"].as_str().unwrap().is_empty());
    home.hands(&format!("job cancel {id}")).ok();
    assert_eq!(home.hands(&format!("job show {id} --json")).ok().json()["state"], "cancelled");
    home.hands(&format!("job cancel {id}")).fails(1, &["cancelled already"]);
}

#[test]
fn a_job_left_to_an_exchange_is_taken_up_by_a_worker_and_watched_to_its_end() {
    let (home, provider) = (Home::new(), Home::new());
    home.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    let token = serve.value("join token");
    let id = home.hands("run misfit.wasm --out out --detach -- write a b").ok().stdout.trim().to_owned();
    let _work = provider.start(&format!("work --exchange {url} --join {token} --cores 1"));
    home.hands(&format!("job watch {id}")).ok();
    assert_eq!(home.read("out/a"), "b");
    // Watching again places nothing anew and ends alike.
    home.hands(&format!("job watch {id}")).ok();
}

#[cfg(unix)]
#[test]
fn a_command_that_waits_says_why_and_leaves_its_job_when_interrupted() {
    let (home, provider) = (Home::new(), Home::new());
    home.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    let token = serve.value("join token");
    let mut run = home.start_overheard("run misfit.wasm --out out -- write a b");
    run.says("waiting: ");
    assert_eq!(run.interrupt(), Some(130));
    let jobs = home.hands("job list --json").ok().json();
    let id = jobs[0]["id"].as_str().unwrap();
    let _work = provider.start(&format!("work --exchange {url} --join {token} --cores 1"));
    home.hands(&format!("job watch {id}")).ok();
    assert_eq!(home.read("out/a"), "b");
}

#[cfg(unix)]
#[test]
fn an_embedded_exchange_that_was_interrupted_goes_on_where_it_was() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let mut run = home.start_overheard("run misfit.wasm --out out -- loop");
    run.says("embedded");
    let endpoint = home.path().join("exchange/endpoint");
    while !listing(&home.path().join("jobs")).iter().any(|file| file.ends_with("job.json")) {
        std::thread::yield_now();
    }
    assert_eq!(run.interrupt(), Some(130));
    assert!(!endpoint.exists(), "the exchange stopped with its command");
    let jobs = home.hands("job list --json").ok().json();
    let id = jobs[0]["id"].as_str().unwrap();
    let mut watch = home.start_overheard(&format!("job watch {id}"));
    watch.says("embedded");
    watch.interrupt();
    home.hands(&format!("job cancel {id}")).ok();
    home.hands("audit").ok();
}

#[test]
fn a_job_outlives_the_exchanges_sudden_death() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    serve.value("exchange");
    let id = home.hands("run misfit.wasm --out out --detach -- write a b").ok().stdout.trim().to_owned();
    serve.kill();
    // `watch` starts the exchange again where it was, with this machine as its workers.
    let ended = home.hands(&format!("job watch {id}")).ok();
    assert!(ended.stderr.contains("embedded"), "{ended:#?}");
    assert_eq!(home.read("out/a"), "b");
    home.hands("audit").ok();
}

#[test]
fn both_sides_of_the_market_can_be_worked_by_hand() {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    serve.value("exchange");
    let app = home.hands("app publish misfit.wasm --price 0.5 --json").ok().json();
    let app = app["app"].as_str().unwrap();
    let again = home.hands("app publish misfit.wasm --price 0.5 --json").ok().json();
    assert_eq!(again["app"], app);
    let rows = home.hands("book --kind app --json").ok().json();
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    assert_eq!(rows[0]["price"], "500000000");

    let pool = home.hands("pool publish mine").ok().stdout.trim().to_owned();
    let sell = format!("order sell --pool {pool} --category 0 --price 0 --volume 5");
    let order = home.hands(&sell).ok().stdout.trim().to_owned();
    let mine = home.hands("order list --json").ok().json();
    assert!(mine.as_array().unwrap().iter().any(|row| row["order"] == order.as_str()), "{mine}");
    assert_eq!(home.hands(&format!("order show {order}")).ok().json()["kind"], "workerpool");
    home.hands(&format!("order close {order}")).ok();
    let mine = home.hands("order list --json").ok().json();
    assert!(mine.as_array().unwrap().iter().all(|row| row["order"] != order.as_str()), "{mine}");
}

#[test]
fn the_operator_issues_credits_and_nobody_else() {
    let (home, other) = (Home::new(), Home::new());
    let mut serve = home.start("serve --private --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    let token = serve.value("join token");
    let address = other.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
    home.hands(&format!("operator credit {address} 12.5")).ok();
    let balance = other.hands(&format!("wallet balance --json --exchange {url} --join {token}")).ok().json();
    assert_eq!(balance["free"], "12500000000");
    let operator = "operator credit 0x0000000000000000000000000000000000000001 1";
    other.hands(&format!("{operator} --exchange {url}")).fails(1, &["only the operator"]);
    let to = home.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
    other.hands(&format!("wallet transfer {to} 2.5 --exchange {url}")).ok();
    other.hands(&format!("wallet transfer {to} 100 --exchange {url}")).fails(5, &["refused"]);
    home.hands(&format!("operator redeem {to} 2.5")).ok();
    let outstanding = home.hands("operator outstanding --json").ok().json();
    assert_eq!(outstanding["outstanding"], "10000000000");
    home.run(["audit", &url]).ok();
}
