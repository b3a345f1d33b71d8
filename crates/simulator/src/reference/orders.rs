//! Orders at rest, what is left of them, and which may meet.

use super::{Deal, Reference, Task, number, small};
use exchange::AnyOrder;
use units::{Address, DealId, OrderHash, Timestamp};

/// An order, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    order: AnyOrder,
    maker: Address,
    pub(super) volume: u64,
    pub(super) taken: u64,
    pub(super) rests: bool,
    /// Whether its maker matches it itself: it need not rest.
    direct: bool,
}

impl Reference {
    /// How much of a request was matched.
    pub(crate) fn taken(&self, order: OrderHash) -> u64 {
        self.orders.get(&order).map_or(0, |it| it.taken)
    }

    pub(super) fn placed(&mut self, order: &AnyOrder) -> Result<(), String> {
        let maker = match order {
            AnyOrder::App(_) => self.app_owner,
            AnyOrder::Dataset(_) => self.data_owner,
            AnyOrder::Workerpool(order) => self.pools[&order.order().workerpool].owner,
            AnyOrder::Request(order) => order.order().requester,
        };
        let volume = number(order.volume());
        let fresh = Resting { order: order.clone(), maker, volume, taken: 0, rests: false, direct: false };
        self.touched.orders.insert(order.hash());
        let known = self.orders.entry(order.hash()).or_insert(fresh);
        if known.rests || known.taken >= known.volume {
            return Err("an order was placed that rests, or of which nothing is left".to_owned());
        }
        known.rests = true;
        Ok(())
    }

    /// A request that its maker matches itself.
    pub(crate) fn know(&mut self, order: &AnyOrder, maker: Address) {
        let volume = number(order.volume());
        let fresh = Resting { order: order.clone(), maker, volume, taken: 0, rests: false, direct: true };
        self.orders.entry(order.hash()).or_insert(fresh);
    }

    /// An order left the book by a transaction, of its maker's or for want of what was offered.
    pub(super) fn taken_off(&mut self, order: OrderHash) {
        self.touched.orders.insert(order);
        if let Some(known) = self.orders.get_mut(&order) {
            known.rests = false;
        }
    }

    pub(super) fn removed(&mut self, order: OrderHash, by: Address) -> Result<(), String> {
        self.touched.orders.insert(order);
        let known = self.orders.get_mut(&order).filter(|it| it.rests && it.maker == by);
        known.ok_or("an order was taken off that did not rest, or by a stranger")?.rests = false;
        Ok(())
    }

    /// An offer is taken off and closed: nothing is left of it.
    pub(super) fn withdrawn(&mut self, order: OrderHash) -> Result<(), String> {
        self.touched.orders.insert(order);
        let known = self.orders.get_mut(&order).filter(|it| it.rests);
        let known = known.ok_or("an offer was withdrawn that did not rest")?;
        (known.rests, known.taken) = (false, known.volume);
        Ok(())
    }

    /// A request is taken off whose program always fails.
    pub(super) fn halted(&mut self, order: OrderHash) -> Result<(), String> {
        self.touched.orders.insert(order);
        let known = self.orders.get_mut(&order).filter(|it| it.rests);
        known.ok_or("a request was halted that did not rest")?.rests = false;
        Ok(())
    }

    fn resting(&self, order: OrderHash) -> Result<&Resting, String> {
        self.orders
            .get(&order)
            .filter(|it| it.rests || it.direct && it.taken < it.volume)
            .ok_or_else(|| format!("order {order} was matched and did not rest"))
    }

    /// Whose data a request gets and at what price: those it names, and nobody's if it names none.
    fn data_fits(&self, data: Option<&Resting>, request: &Resting) -> Result<(Address, u128), String> {
        let AnyOrder::Request(request) = &request.order else { return Err("a request is none".to_owned()) };
        let request = request.order();
        let Some(data) = data else {
            let none = request.dataset.is_zero();
            return if none { Ok((Address::ZERO, 0)) } else { Err("a request's data were left out".to_owned()) };
        };
        let AnyOrder::Dataset(data) = &data.order else {
            return Err("data are of an order that is for none".to_owned());
        };
        let (data, price) = (data.order(), small(data.order().datasetprice));
        let theirs = self.data_for.is_none_or(|only| only == request.requester);
        if data.dataset != request.dataset || small(request.datasetmaxprice) < price || !theirs {
            return Err("data were sold to who did not want them, is not let, or at too high a price".to_owned());
        }
        Ok((self.data_owner, price))
    }

    /// Orders met: they must fit, and as much is sold as the least of them has left.
    pub(super) fn matched(
        &mut self,
        at: Timestamp,
        id: DealId,
        hashes: [OrderHash; 3],
        data: OrderHash,
        volume: u64,
    ) -> Result<(), String> {
        let [app, pool, request] = [self.resting(hashes[0])?, self.resting(hashes[1])?, self.resting(hashes[2])?];
        let first = request.taken;
        let data_hash = (data != OrderHash::default()).then_some(data);
        let data = data_hash.map(|data| self.resting(data)).transpose()?;
        let all = [app, pool, request].into_iter().chain(data);
        let least = all.map(|it| it.volume - it.taken).min().unwrap_or_default();
        let (data_of, data_price) = self.data_fits(data, request)?;
        let (AnyOrder::App(app), AnyOrder::Workerpool(pool), AnyOrder::Request(request)) =
            (&app.order, &pool.order, &request.order)
        else {
            return Err(format!("deal {id} is of orders of the wrong kinds"));
        };
        let (app, pool, request) = (app.order(), pool.order(), request.order());
        let (app_price, pool_price) = (small(app.appprice), small(pool.workerpoolprice));
        if small(request.appmaxprice) < app_price || small(request.workerpoolmaxprice) < pool_price {
            return Err(format!("deal {id} costs more than its request allows"));
        }
        if !request.tag.is_subset_of(pool.tag) {
            return Err(format!("deal {id} is sold by who cannot do it"));
        }
        if pool.trust < request.trust || pool.category != request.category || app.app != request.app {
            return Err(format!("deal {id} has less trust, another category or another app than its request wants"));
        }
        if volume != least || volume == 0 {
            return Err(format!("deal {id} is for {volume}, and its orders had {least} left"));
        }
        let terms = self.pools[&pool.workerpool];
        let category = usize::try_from(number(request.category)).expect("categories are few");
        let deal = Deal {
            requester: request.requester,
            app_owner: self.app_owner,
            app_price,
            data_owner: data_of,
            data_price,
            pool_price,
            pool: pool.workerpool,
            pool_owner: terms.owner,
            worker_stake: pool_price * terms.stake / 100,
            pool_share: terms.share,
            trust: number(request.trust).max(1),
            first,
            size: volume,
            began: at.seconds(),
            unit: self.categories[category],
            forgotten: false,
        };
        self.lock(deal.requester, (app_price + data_price + pool_price) * u128::from(volume))?;
        self.lock(deal.pool_owner, (pool_price * 30 / 100) * u128::from(volume))?;
        self.deals.insert(id, deal);
        for index in first..first + volume {
            let task = orders::ids::task_id(id, units::U256::from(index));
            self.tasks.insert(task, Task::new(id));
        }
        for hash in hashes.into_iter().chain(data_hash) {
            self.touched.orders.insert(hash);
            let order = self.orders.get_mut(&hash).expect("found above");
            order.taken += volume;
            order.rests &= order.taken < order.volume;
        }
        Ok(())
    }
}
