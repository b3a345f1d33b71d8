//! The site's wish for load, and what the owner's rule makes of the floors meanwhile.

use crate::config::{Heat, HeatDemand};
use std::collections::BTreeMap;
use std::path::Path;
use units::{Amount, U256};

/// A wish or a discount of all there can be, percent.
const ALL: u8 = 100;
/// The longest that a demand's file may be, bytes; more is no number from 0 to 100.
const FILE_BYTES: usize = 64;

/// What the site wishes just now, and the rule.
#[derive(Debug)]
pub(crate) struct Thermostat {
    heat: Option<Heat>,
    demand: u8,
}

impl Thermostat {
    pub(crate) fn new(heat: Option<Heat>) -> Self {
        let mut thermostat = Self { heat, demand: 0 };
        thermostat.look();
        thermostat
    }

    /// Whether it has to be looked at again.
    pub(crate) fn changes(&self) -> bool {
        matches!(&self.heat, Some(Heat { demand: HeatDemand::File(_), .. }))
    }

    /// Looks how much load is wished for; whether that is new.
    pub(crate) fn look(&mut self) -> bool {
        let demand = match self.heat.as_ref().map(|heat| &heat.demand) {
            None => 0,
            Some(HeatDemand::Percent(percent)) => (*percent).min(ALL),
            Some(HeatDemand::File(path)) => read(path).unwrap_or_else(|| {
                tracing::warn!(file = %path.display(), "the heat's demand could not be read; it must be a number from 0 to 100");
                0
            }),
        };
        std::mem::replace(&mut self.demand, demand) != demand
    }

    /// How much load is wished for, percent.
    pub(crate) fn demand(&self) -> u8 {
        self.demand
    }

    /// What the owner asks at this demand.
    pub(crate) fn floors(&self, floors: &BTreeMap<u64, Amount>) -> BTreeMap<u64, Amount> {
        let discount = self.heat.as_ref().map_or(0, |heat| heat.discount.min(ALL));
        let all = u64::from(ALL) * u64::from(ALL);
        let left = all - u64::from(discount) * u64::from(self.demand);
        let lowered = |floor: Amount| {
            // A floor beyond counting is no floor that the exchange takes.
            let lowered = floor.checked_mul(U256::from(left)).and_then(|much| much.checked_div(U256::from(all)));
            lowered.unwrap_or(floor)
        };
        floors.iter().map(|(category, floor)| (*category, lowered(*floor))).collect()
    }
}

/// A number from 0 to 100, with a percent sign or without.
fn read(path: &Path) -> Option<u8> {
    let bytes = std::fs::read(path).ok().filter(|bytes| bytes.len() <= FILE_BYTES)?;
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    let number: u8 = text.strip_suffix('%').unwrap_or(text).trim().parse().ok()?;
    (number <= ALL).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(thermostat: &Thermostat) -> Amount {
        thermostat.floors(&BTreeMap::from([(0, Amount::nanos(1_000))]))[&0]
    }

    #[test]
    fn a_wish_for_load_lowers_floors_by_the_owners_rule() {
        for (percent, discount, floor) in [(0, 50, 1_000), (60, 50, 700), (100, 50, 500), (100, 100, 0), (200, 50, 500)]
        {
            let heat = Heat { demand: HeatDemand::Percent(percent), discount };
            assert_eq!(asks(&Thermostat::new(Some(heat))), Amount::nanos(floor), "{percent} % of {discount} %");
        }
        assert_eq!(asks(&Thermostat::new(None)), Amount::nanos(1_000));
    }

    #[test]
    fn a_demands_file_is_read_again_and_one_that_says_nothing_wishes_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heat");
        let heat = Heat { demand: HeatDemand::File(file.clone()), discount: 50 };
        let mut thermostat = Thermostat::new(Some(heat));
        assert_eq!((thermostat.demand(), thermostat.changes()), (0, true));
        std::fs::write(&file, "60\n").unwrap();
        assert!(thermostat.look() && !thermostat.look(), "news once");
        assert_eq!((thermostat.demand(), asks(&thermostat)), (60, Amount::nanos(700)));
        for bad in ["101", "-1", "warm", ""] {
            std::fs::write(&file, "60 %").unwrap();
            thermostat.look();
            std::fs::write(&file, bad).unwrap();
            assert!(thermostat.look(), "{bad:?}");
            assert_eq!(thermostat.demand(), 0, "{bad:?}");
        }
    }
}
