//! The orders as EIP-712 typed data, and the two operations on them.

use crate::domain::{Domain, address, dynamic, hash_struct, uint};
use crate::order::{AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder};
use alloy_primitives::keccak256;
use std::sync::LazyLock;
use units::{Address, B256, OrderHash, U256};

/// Which of the four orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderKind {
    /// An app owner's offer.
    App,
    /// A data owner's offer.
    Dataset,
    /// A pool owner's offer.
    Workerpool,
    /// A requester's bid.
    Request,
}

/// What an order's maker may do to it on the exchange itself (PoCo's `OrderOperationEnum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Sign it beforehand, so that it needs no signature.
    Sign,
    /// Close it: its whole volume counts as consumed.
    Close,
}

impl Operation {
    /// PoCo's number: 0 or 1.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Sign => 0,
            Self::Close => 1,
        }
    }
}

/// One of the four orders.
pub trait Order: Clone {
    /// Which one.
    const KIND: OrderKind;

    /// The EIP-712 type, as `encodeType` writes it.
    const TYPE: &'static str;

    /// The hash of [`Order::TYPE`].
    fn type_hash() -> B256;

    /// The hash of the type of `<Order>Operation(<Order> order,uint256 operation)`.
    fn operation_type_hash() -> B256;

    /// The EIP-712 struct hash.
    fn struct_hash(&self) -> B256;

    /// Whose consent the order needs: the asset, whose owner has to sign, or for a request order the requester.
    fn subject(&self) -> Address;

    /// How many tasks it is for.
    fn volume(&self) -> U256;

    /// The order hash: what its maker signs, and the name it goes by.
    fn hash(&self, domain: &Domain) -> OrderHash {
        OrderHash(domain.digest(self.struct_hash()))
    }

    /// What a maker signs who lets somebody else sign or close the order on the exchange for them.
    fn operation_digest(&self, operation: Operation, domain: &Domain) -> B256 {
        domain.digest(hash_struct(&[
            Self::operation_type_hash().0,
            self.struct_hash().0,
            uint(U256::from(operation.number())),
        ]))
    }
}

/// The constants and type hashes of an order's impl.
macro_rules! order_type {
    ($kind:ident, $name:literal, $fields:literal) => {
        const KIND: OrderKind = OrderKind::$kind;
        const TYPE: &'static str = concat!($name, $fields);

        fn type_hash() -> B256 {
            static HASH: LazyLock<B256> = LazyLock::new(|| keccak256(concat!($name, $fields)));
            *HASH
        }

        fn operation_type_hash() -> B256 {
            static HASH: LazyLock<B256> = LazyLock::new(|| {
                keccak256(concat!($name, "Operation(", $name, " order,uint256 operation)", $name, $fields))
            });
            *HASH
        }
    };
}

impl Order for AppOrder {
    order_type!(
        App,
        "AppOrder",
        "(address app,uint256 appprice,uint256 volume,bytes32 tag,address datasetrestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)"
    );

    fn struct_hash(&self) -> B256 {
        hash_struct(&[
            Self::type_hash().0,
            address(self.app),
            uint(self.appprice.0),
            uint(self.volume),
            self.tag.0.0,
            address(self.datasetrestrict),
            address(self.workerpoolrestrict),
            address(self.requesterrestrict),
            self.salt.0,
        ])
    }

    fn subject(&self) -> Address {
        self.app
    }

    fn volume(&self) -> U256 {
        self.volume
    }
}

impl Order for DatasetOrder {
    order_type!(
        Dataset,
        "DatasetOrder",
        "(address dataset,uint256 datasetprice,uint256 volume,bytes32 tag,address apprestrict,address workerpoolrestrict,address requesterrestrict,bytes32 salt)"
    );

    fn struct_hash(&self) -> B256 {
        hash_struct(&[
            Self::type_hash().0,
            address(self.dataset),
            uint(self.datasetprice.0),
            uint(self.volume),
            self.tag.0.0,
            address(self.apprestrict),
            address(self.workerpoolrestrict),
            address(self.requesterrestrict),
            self.salt.0,
        ])
    }

    fn subject(&self) -> Address {
        self.dataset
    }

    fn volume(&self) -> U256 {
        self.volume
    }
}

impl Order for WorkerpoolOrder {
    order_type!(
        Workerpool,
        "WorkerpoolOrder",
        "(address workerpool,uint256 workerpoolprice,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address apprestrict,address datasetrestrict,address requesterrestrict,bytes32 salt)"
    );

    fn struct_hash(&self) -> B256 {
        hash_struct(&[
            Self::type_hash().0,
            address(self.workerpool),
            uint(self.workerpoolprice.0),
            uint(self.volume),
            self.tag.0.0,
            uint(self.category),
            uint(self.trust),
            address(self.apprestrict),
            address(self.datasetrestrict),
            address(self.requesterrestrict),
            self.salt.0,
        ])
    }

    fn subject(&self) -> Address {
        self.workerpool
    }

    fn volume(&self) -> U256 {
        self.volume
    }
}

impl Order for RequestOrder {
    order_type!(
        Request,
        "RequestOrder",
        "(address app,uint256 appmaxprice,address dataset,uint256 datasetmaxprice,address workerpool,uint256 workerpoolmaxprice,address requester,uint256 volume,bytes32 tag,uint256 category,uint256 trust,address beneficiary,address callback,string params,bytes32 salt)"
    );

    fn struct_hash(&self) -> B256 {
        hash_struct(&[
            Self::type_hash().0,
            address(self.app),
            uint(self.appmaxprice.0),
            address(self.dataset),
            uint(self.datasetmaxprice.0),
            address(self.workerpool),
            uint(self.workerpoolmaxprice.0),
            address(self.requester),
            uint(self.volume),
            self.tag.0.0,
            uint(self.category),
            uint(self.trust),
            address(self.beneficiary),
            address(self.callback),
            dynamic(&self.params),
            self.salt.0,
        ])
    }

    fn subject(&self) -> Address {
        self.requester
    }

    fn volume(&self) -> U256 {
        self.volume
    }
}
