//! What an order's maker does to it in the hub: sign it beforehand, close it.

use crate::hub::Hub;
use crate::{Event, Refusal};
use orders::{Checked, Operation, Order, OrderKind, Recovered};
use units::Address;

impl Hub {
    /// Signs an order beforehand, or closes it, which takes all of its volume (`manage…Order`). `operation_signer` is whom
    /// the signature over the operation is by; it counts when somebody else than the owner sends it.
    ///
    /// # Errors
    /// [`Refusal::Silent`] if the asset has no owner to ask for, [`Refusal::InvalidSignatureFormat`] or
    /// [`Refusal::InvalidSenderOrSignature`] from a stranger.
    pub fn manage_order<O: Order>(
        &mut self,
        by: Address,
        order: &Checked<O>,
        operation: Operation,
        operation_signer: Recovered,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let subject = order.order().subject();
        let owner = match O::KIND {
            OrderKind::Request => subject,
            OrderKind::App | OrderKind::Dataset | OrderKind::Workerpool => {
                self.owner_of(subject).ok_or(Refusal::Silent)?
            }
        };
        if owner != by && !self.is_signed(owner, operation_signer)? {
            return Err(Refusal::InvalidSenderOrSignature);
        }
        match operation {
            Operation::Sign => {
                self.presigned.insert(order.hash, owner);
                events.push(Event::SignedOrder { kind: O::KIND, order: order.hash });
            }
            Operation::Close => {
                let volume = order.order().volume();
                if !volume.is_zero() {
                    self.consumed.insert(order.hash, volume);
                }
                events.push(Event::ClosedOrder { kind: O::KIND, order: order.hash });
            }
        }
        Ok(())
    }
}
