//! Orders that are to rest: each is held to what a maker may have open, then to the rules; all of a request are answered together.

use super::turn::{Loop, LoopError};
use crate::problem::Problem;
use api::limits;
use api::receipt::Receipt;
use axum::http::StatusCode;
use exchange::{AnyOrder, Command, Rejection};
use market::Output;
use tokio::sync::oneshot;
use units::Timestamp;

/// Orders that came together, of which each is taken or refused by itself.
#[derive(Debug)]
pub(crate) struct ToPlace {
    pub(crate) orders: Vec<AnyOrder>,
    /// A job's name, where one request order is placed as a job.
    pub(crate) title: Option<String>,
}

/// What came of orders, in their order, and the proof of what was taken.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) taken: Vec<Result<(), Refusal>>,
    pub(crate) receipt: Receipt,
}

/// Who waits for orders, and what came of each.
pub(super) type Waiting = (oneshot::Sender<Placed>, Vec<Result<(), Refusal>>);

/// Why an order does not rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its maker has as many of its kind open as anybody may.
    TooManyOpen,
    /// It made the rules fail before.
    LeftOut,
    /// The rules refuse it.
    Rejected(Rejection),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooManyOpen => {
                let words = format!("a maker may have {} open orders of a kind; close one first", limits::OPEN_ORDERS);
                Self::forbidden("too_many_orders", words)
            }
            Refusal::LeftOut => {
                let words = "this order made the exchange fail before; it is left out";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", words)
            }
            Refusal::Rejected(rejection) => rejection.into(),
        }
    }
}

impl Loop {
    /// Lets an order rest. One that rests already is taken: the same again gets the same answer.
    pub(super) fn place(
        &mut self,
        at: Timestamp,
        order: AnyOrder,
        out: &mut Output,
    ) -> Result<Result<(), Refusal>, LoopError> {
        let market = &self.state.market;
        if market.exchange().resting_order(order.hash()).is_some() {
            return Ok(Ok(()));
        }
        // The exchange's own pools renew theirs all the time.
        let maker = order.signer().address().filter(|maker| *maker != market.exchange().genesis().operator);
        if maker.is_some_and(|maker| market.open_orders(order.kind(), maker) >= limits::OPEN_ORDERS as u64) {
            return Ok(Err(Refusal::TooManyOpen));
        }
        let command = Command::PlaceOrder(Box::new(order));
        if let Some(reason) = self.journal.suspicion(&command) {
            tracing::error!(reason, "an order that made the rules fail came again; it is left out");
            return Ok(Err(Refusal::LeftOut));
        }
        let taken = self.command(at, command, out)?;
        if taken.is_err() {
            self.state.counts.rejections += 1;
        }
        Ok(taken.map_err(Refusal::Rejected))
    }
}
