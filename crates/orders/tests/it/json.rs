//! Orders as iExec's SDK and gateway write them.

use crate::vectors;
use orders::{AppOrder, DatasetOrder, RequestOrder, Signed, WorkerpoolOrder};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use units::{Address, Amount, B256, Bytes, Tag, U256};

fn roundtrip<O: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(order: &Signed<O>) -> Value {
    let json = serde_json::to_value(order).unwrap();
    let text = serde_json::to_string(order).unwrap();
    assert_eq!(&serde_json::from_value::<Signed<O>>(json.clone()).unwrap(), order);
    assert_eq!(&serde_json::from_str::<Signed<O>>(&text).unwrap(), order);
    json
}

prop_compose! {
    fn numbers()(bytes in any::<[u8; 32]>(), small in any::<u64>(), large in any::<bool>()) -> U256 {
        if large { U256::from_be_bytes(bytes) } else { U256::from(small) }
    }
}

prop_compose! {
    fn words()(bytes in any::<[u8; 32]>()) -> B256 { bytes.into() }
}

prop_compose! {
    fn addresses()(bytes in any::<[u8; 20]>()) -> Address { bytes.into() }
}

prop_compose! {
    fn signs()(bytes in proptest::collection::vec(any::<u8>(), 0..66)) -> Bytes { bytes.into() }
}

proptest! {
    #[test]
    fn an_order_reads_back_as_it_was_and_its_numbers_are_decimal_strings(
        a in proptest::array::uniform6(addresses()),
        n in proptest::array::uniform6(numbers()),
        w in proptest::array::uniform2(words()),
        params in any::<String>(),
        sign in signs(),
    ) {
        let app = Signed { sign: sign.clone(), order: AppOrder {
            app: a[0], appprice: Amount(n[0]), volume: n[1], tag: Tag(w[0]), datasetrestrict: a[1],
            workerpoolrestrict: a[2], requesterrestrict: a[3], salt: w[1],
        }};
        let json = roundtrip(&app);
        prop_assert_eq!(&json["appprice"], &Value::from(n[0].to_string()));
        prop_assert_eq!(&json["volume"], &Value::from(n[1].to_string()));
        roundtrip(&Signed { sign: sign.clone(), order: DatasetOrder {
            dataset: a[0], datasetprice: Amount(n[0]), volume: n[1], tag: Tag(w[0]), apprestrict: a[1],
            workerpoolrestrict: a[2], requesterrestrict: a[3], salt: w[1],
        }});
        roundtrip(&Signed { sign: sign.clone(), order: WorkerpoolOrder {
            workerpool: a[0], workerpoolprice: Amount(n[0]), volume: n[1], tag: Tag(w[0]), category: n[2], trust: n[3],
            apprestrict: a[1], datasetrestrict: a[2], requesterrestrict: a[3], salt: w[1],
        }});
        roundtrip(&Signed { sign, order: RequestOrder {
            app: a[0], appmaxprice: Amount(n[0]), dataset: a[1], datasetmaxprice: Amount(n[1]), workerpool: a[2],
            workerpoolmaxprice: Amount(n[2]), requester: a[3], volume: n[3], tag: Tag(w[0]), category: n[4],
            trust: n[5], beneficiary: a[4], callback: a[5], params, salt: w[1],
        }});
    }
}

#[test]
fn what_the_sdk_writes_is_what_we_write() {
    let vectors = vectors();
    let case = vectors["orders"].as_array().unwrap().iter().find(|case| case["type"] == "WorkerpoolOrder").unwrap();
    let mut written = case["order"].clone();
    written["sign"] = case["signature"].clone();
    let signed: Signed<WorkerpoolOrder> = serde_json::from_value(written.clone()).unwrap();
    let again = roundtrip(&signed);
    let fields = written.as_object().unwrap();
    assert_eq!(again.as_object().unwrap().len(), fields.len());
    for (name, value) in fields {
        // Addresses may be written with or without the checksum's capitals.
        let [ours, theirs] = [&again[name], value].map(|value| value.as_str().unwrap().to_lowercase());
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn numbers_that_are_no_decimal_strings_are_refused() {
    let good = serde_json::to_value(WorkerpoolOrder::default()).unwrap();
    for field in ["volume", "category", "trust", "workerpoolprice"] {
        for bad in [json!(7), json!(""), json!("0x7"), json!("-1"), json!("1.5"), json!("1".repeat(79)), Value::Null] {
            let mut order = good.clone();
            order[field] = bad.clone();
            assert!(serde_json::from_value::<WorkerpoolOrder>(order).is_err(), "{field} = {bad}");
        }
    }
    assert!(serde_json::from_value::<WorkerpoolOrder>(good).is_ok());
}
