//! The genesis.

use super::values::{Account, Octets, Text};
use exchange::{Audits, Genesis, HostedPool, World};
use minicbor::{Decode, Encode};
use poco::Category;
use units::Bytes;

/// The genesis: the only content of record 0.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct GenesisRecord {
    #[n(0)]
    chain_id: u64,
    #[n(1)]
    operator: Account,
    #[n(2)]
    hub: Account,
    #[n(3)]
    token: Account,
    #[n(4)]
    app_registry: Account,
    #[n(5)]
    dataset_registry: Account,
    #[n(6)]
    workerpool_registry: Account,
    #[n(7)]
    categories: Vec<CategoryRecord>,
    #[n(8)]
    private: bool,
    #[n(9)]
    pools: Vec<PoolRecord>,
    #[n(10)]
    rules_version: u32,
    /// A world that does not begin empty, as the reference vectors' does; no operator's exchange has one.
    #[n(11)]
    world: Octets,
}

#[derive(Clone, Debug, Encode, Decode)]
struct CategoryRecord {
    #[n(0)]
    name: Text,
    #[n(1)]
    description: Text,
    #[n(2)]
    seconds: u64,
}

#[derive(Clone, Debug, Encode, Decode)]
struct PoolRecord {
    #[n(0)]
    name: Text,
    #[n(1)]
    address: Account,
    #[n(2)]
    owner: Account,
    #[n(3)]
    worker_stake_ratio: u64,
    #[n(4)]
    scheduler_reward_ratio: u64,
    #[n(5)]
    audits: Option<AuditsRecord>,
    #[n(6)]
    by_invitation: Option<bool>,
}

#[derive(Clone, Debug, Encode, Decode)]
struct AuditsRecord {
    #[n(0)]
    first: u64,
    #[n(1)]
    per_mille: u64,
    #[n(2)]
    deposit_tasks: u64,
    #[n(3)]
    proven: u64,
}

impl From<Audits> for AuditsRecord {
    fn from(audits: Audits) -> Self {
        let Audits { first, per_mille, deposit_tasks, proven } = audits;
        Self { first, per_mille, deposit_tasks, proven }
    }
}

impl From<AuditsRecord> for Audits {
    fn from(record: AuditsRecord) -> Self {
        let AuditsRecord { first, per_mille, deposit_tasks, proven } = record;
        Self { first, per_mille, deposit_tasks, proven }
    }
}

impl From<&Category> for CategoryRecord {
    fn from(category: &Category) -> Self {
        Self {
            name: Text(category.name.clone()),
            description: Text(category.description.clone()),
            seconds: category.seconds,
        }
    }
}

impl From<CategoryRecord> for Category {
    fn from(record: CategoryRecord) -> Self {
        Self { name: record.name.0, description: record.description.0, seconds: record.seconds }
    }
}

impl From<&HostedPool> for PoolRecord {
    fn from(pool: &HostedPool) -> Self {
        Self {
            name: Text(pool.name.clone()),
            address: Account(pool.address),
            owner: Account(pool.owner),
            worker_stake_ratio: pool.worker_stake_ratio,
            scheduler_reward_ratio: pool.scheduler_reward_ratio,
            audits: pool.audits.map(AuditsRecord::from),
            by_invitation: pool.by_invitation.then_some(true),
        }
    }
}

impl From<PoolRecord> for HostedPool {
    fn from(record: PoolRecord) -> Self {
        Self {
            name: record.name.0,
            address: record.address.0,
            owner: record.owner.0,
            worker_stake_ratio: record.worker_stake_ratio,
            scheduler_reward_ratio: record.scheduler_reward_ratio,
            audits: record.audits.map(Audits::from),
            by_invitation: record.by_invitation.unwrap_or(false),
        }
    }
}

impl From<&Genesis> for GenesisRecord {
    fn from(genesis: &Genesis) -> Self {
        Self {
            chain_id: genesis.chain_id,
            operator: Account(genesis.operator),
            hub: Account(genesis.hub),
            token: Account(genesis.token),
            app_registry: Account(genesis.app_registry),
            dataset_registry: Account(genesis.dataset_registry),
            workerpool_registry: Account(genesis.workerpool_registry),
            categories: genesis.categories.iter().map(CategoryRecord::from).collect(),
            private: genesis.private,
            pools: genesis.pools.iter().map(PoolRecord::from).collect(),
            rules_version: genesis.rules_version,
            world: world_bytes(&genesis.world),
        }
    }
}

impl GenesisRecord {
    /// The genesis; none if its world cannot be read.
    pub(super) fn into_genesis(self) -> Option<Genesis> {
        let record = self;
        Some(Genesis {
            chain_id: record.chain_id,
            operator: record.operator.0,
            hub: record.hub.0,
            token: record.token.0,
            app_registry: record.app_registry.0,
            dataset_registry: record.dataset_registry.0,
            workerpool_registry: record.workerpool_registry.0,
            categories: record.categories.into_iter().map(Category::from).collect(),
            private: record.private,
            pools: record.pools.into_iter().map(HostedPool::from).collect(),
            rules_version: record.rules_version,
            world: world_of(&record.world.0)?,
        })
    }
}

/// Nothing for an empty world.
fn world_bytes(world: &World) -> Octets {
    let mut bytes = Vec::new();
    if *world != World::default() {
        ciborium::into_writer(world, &mut bytes).expect("a world can be written to memory");
    }
    Octets(Bytes::from(bytes))
}

fn world_of(bytes: &[u8]) -> Option<World> {
    if bytes.is_empty() { Some(World::default()) } else { ciborium::from_reader(bytes).ok() }
}
