// What people do with the iExec SDK, done against an exchange: node market.mjs '{"exchange", "keys", "wasm"}'.
// Writes one JSON report; the exit code is 1 where a step failed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { IExec, IExecConfig, utils } from 'iexec';
import { TypedDataEncoder } from 'ethers';
import { overhear, until } from './overhear.mjs';

const { exchange, keys, wasm } = JSON.parse(process.argv[2]);
const { url, heard, close } = await overhear(exchange);
const about = await (await fetch(`${exchange}/v1/exchange`)).json();

const options = { hubAddress: about.hub, iexecGatewayURL: url, smsURL: url, ipfsGatewayURL: url };
const person = async (key) => {
  const signer = utils.getSignerFromPrivateKey(`${url}/rpc`, key);
  const ethProvider = { ethProvider: signer };
  return { signer, address: await signer.getAddress(), iexec: new IExec(ethProvider, options), ethProvider };
};
const [publisher, provider, requester] = await Promise.all([keys.publisher, keys.provider, keys.requester].map(person));
const contracts = await new IExecConfig(publisher.ethProvider, options).resolveContractsClient();

const report = { steps: [], failed: [] };
const step = async (name, work) => {
  const began = Date.now();
  try {
    const value = await work();
    report.steps.push(`${name} (${Date.now() - began} ms)`);
    return value;
  } catch (error) {
    report.failed.push(`${name}: ${error.stack ?? error}${error.cause ? `\n  because ${error.cause.stack}` : ''}`);
    return undefined;
  }
};
/** Signs in as a person of the SDK does, for the exchange's own routes. */
const signIn = async ({ signer, address }) => {
  const { data } = await (await fetch(`${url}/challenge?chainId=${about.chain_id}&address=${address}`)).json();
  const { EIP712Domain, ...types } = data.types;
  const hash = TypedDataEncoder.hash(data.domain, types, data.message);
  const authorization = `${hash}_${await signer.signTypedData(data.domain, types, data.message)}_${address}`;
  const headers = { 'content-type': 'application/json' };
  const session = await fetch(`${url}/v1/session`, { method: 'POST', headers, body: JSON.stringify({ authorization }) });
  return { authorization: `Bearer ${(await session.json()).token}` };
};

await step('the network and its categories', async () => {
  assert.equal((await requester.iexec.network.getNetwork()).chainId, `${about.chain_id}`);
  assert.equal(Number(await requester.iexec.hub.countCategory()), about.categories.length);
  const { name, workClockTimeRef } = await requester.iexec.hub.showCategory(0);
  assert.deepEqual([name, Number(workClockTimeRef)], ['XS', 300]);
  assert.equal(Number(await requester.iexec.hub.getTimeoutRatio()), 10);
});

await step('balances, withdrawal and deposit', async () => {
  const { account, wallet } = requester.iexec;
  const before = await account.checkBalance(requester.address);
  assert.equal(`${before.stake}`, `${100n * 10n ** 9n}`);
  assert.equal(`${before.locked}`, '0');
  await account.withdraw('5 RLC');
  assert.equal(`${(await wallet.checkBalances(requester.address)).nRLC}`, '5000000000');
  await wallet.sendRLC('1 RLC', publisher.address);
  await account.deposit('4 RLC');
  assert.equal(`${(await account.checkBalance(requester.address)).stake}`, '99000000000');
  assert.equal(`${(await wallet.checkBalances(publisher.address)).nRLC}`, '1000000000');
  await assert.rejects(account.withdraw('1000 RLC'), /exceed account balance/);
  await account.approve('2 RLC', provider.address);
  assert.equal(`${await account.checkAllowance(requester.address, provider.address)}`, '2000000000');
  await account.revokeApproval(provider.address);
  assert.equal(`${await account.checkAllowance(requester.address, provider.address)}`, '0');
});

await step('an app is deployed, shown, counted and transferred', async () => {
  const { app } = publisher.iexec;
  const made = { owner: publisher.address, name: 'hello', type: 'DOCKER', multiaddr: 'registry.example/hello:1.0.0',
    checksum: `0x${'11'.repeat(32)}` };
  const predicted = await app.predictAppAddress(made);
  const { address } = await app.deployApp(made);
  assert.equal(address, predicted);
  assert.equal(await app.checkDeployedApp(address), true);
  const shown = await app.showApp(address);
  assert.equal(shown.app.owner, publisher.address);
  assert.deepEqual([shown.app.appName, shown.app.appType, shown.app.appMultiaddr], ['hello', 'DOCKER', made.multiaddr]);
  assert.equal(`${await app.countUserApps(publisher.address)}`, '1');
  assert.equal((await app.showUserApp(0, publisher.address)).objAddress, address);
  await assert.rejects(app.deployApp(made), /already deployed/);
  await app.transferApp(address, provider.address);
  assert.equal((await app.showApp(address)).app.owner, provider.address);
});

const dataset = await step('a dataset is deployed and shown', async () => {
  const made = { owner: publisher.address, name: 'numbers', multiaddr: '/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn',
    checksum: `0x${'22'.repeat(32)}` };
  const { address } = await publisher.iexec.dataset.deployDataset(made);
  const shown = await publisher.iexec.dataset.showDataset(address);
  assert.deepEqual([shown.dataset.datasetName, shown.dataset.owner], ['numbers', publisher.address]);
  return address;
});

const pool = await step('a workerpool is deployed and shown', async () => {
  const { address } = await provider.iexec.workerpool.deployWorkerpool({ owner: provider.address, description: 'mine' });
  const { workerpool } = await provider.iexec.workerpool.showWorkerpool(address);
  assert.deepEqual([workerpool.workerpoolDescription, workerpool.owner], ['mine', provider.address]);
  return address;
});

const wasmApp = await step('an app whose program is a blob of the exchange is deployed', async () => {
  const module = await readFile(wasm);
  const digest = createHash('sha256').update(module).digest('hex');
  const headers = await signIn(publisher);
  const put = await fetch(`${url}/v1/blobs/sha256:${digest}`, { method: 'PUT', headers, body: module });
  assert.equal(put.status, 201);
  // The SDK knows the type DOCKER alone.
  const { address } = await publisher.iexec.app.deployApp({ owner: publisher.address, name: 'misfit', type: 'DOCKER',
    multiaddr: `blob:sha256:${digest}`, checksum: `0x${digest}` });
  assert.equal((await publisher.iexec.app.showApp(address)).app.appMultiaddr, `blob:sha256:${digest}`);
  return address;
});

const orders = await step('an app order is signed, published, found and read', async () => {
  const { order, orderbook } = publisher.iexec;
  const apporder = await order.signApporder(await order.createApporder({ app: wasmApp, appprice: 1_000, volume: 1_000 }));
  const hash = await order.publishApporder(apporder);
  assert.equal(hash, await order.hashApporder(apporder));
  const found = await requester.iexec.orderbook.fetchAppOrderbook({ app: wasmApp });
  assert.equal(found.count, 1);
  assert.deepEqual(found.orders[0].order, { ...apporder, appprice: 1_000, volume: 1_000 });
  const { status, remaining, signer } = await orderbook.fetchApporder(hash);
  assert.deepEqual([status, remaining, signer], ['open', 1_000, publisher.address]);
  await assert.rejects(order.publishApporder(apporder), /order already published/);
  return { apporder };
});

await step('a dataset order is published, listed and cancelled', async () => {
  const { order, orderbook } = publisher.iexec;
  const datasetorder = await order.signDatasetorder(await order.createDatasetorder({ dataset, datasetprice: 5, volume: 3 }));
  const hash = await order.publishDatasetorder(datasetorder);
  assert.equal((await orderbook.fetchDatasetOrderbook({ dataset })).count, 1);
  await order.cancelDatasetorder(datasetorder);
  assert.equal((await orderbook.fetchDatasetOrderbook({ dataset })).count, 0);
  assert.equal((await orderbook.fetchDatasetorder(hash)).status, 'canceled');
  await assert.rejects(order.cancelDatasetorder(datasetorder), /already canceled/);
});

await step('orders are unpublished: one, the last, all', async () => {
  const { order, orderbook } = provider.iexec;
  const publish = async (price) => {
    const made = await order.createWorkerpoolorder({ workerpool: pool, category: 1, workerpoolprice: price });
    return order.publishWorkerpoolorder(await order.signWorkerpoolorder(made));
  };
  const hashes = [];
  for (const price of [1, 2, 3, 4]) hashes.push(await publish(price));
  const prices = async () => {
    const { orders } = await orderbook.fetchWorkerpoolOrderbook({ workerpool: pool, category: 1 });
    return orders.map((record) => record.order.workerpoolprice);
  };
  assert.deepEqual(await prices(), [1, 2, 3, 4]);
  assert.equal(await order.unpublishWorkerpoolorder(hashes[0]), hashes[0]);
  assert.equal(await order.unpublishLastWorkerpoolorder(pool), hashes[3]);
  assert.deepEqual(await prices(), [2, 3]);
  assert.deepEqual((await order.unpublishAllWorkerpoolorders(pool)).toSorted(), [hashes[1], hashes[2]].toSorted());
  assert.deepEqual(await prices(), []);
  await assert.rejects(requester.iexec.order.unpublishWorkerpoolorder(hashes[1]), /API error/);
});

await step('an order book of several pages', async () => {
  const { order } = provider.iexec;
  for (let price = 1; price <= 21; price += 1) {
    const made = await order.createWorkerpoolorder({ workerpool: pool, category: 2, workerpoolprice: price });
    await order.publishWorkerpoolorder(await order.signWorkerpoolorder(made));
  }
  const first = await requester.iexec.orderbook.fetchWorkerpoolOrderbook({ workerpool: pool, pageSize: 10 });
  const second = await first.more();
  const third = await second.more();
  assert.deepEqual([first, second, third].map(({ count, orders }) => [count, orders.length]), [[21, 10], [21, 10], [21, 1]]);
  assert.equal(third.orders[0].order.workerpoolprice, 21);
  assert.equal(third.more, undefined);
  await order.unpublishAllWorkerpoolorders(pool);
});

const request = async (terms) => {
  const { order } = requester.iexec;
  const made = await order.createRequestorder({ app: wasmApp, appmaxprice: 1_000, requester: requester.address, ...terms });
  return order.signRequestorder(made);
};
const sell = async (terms) => {
  const { order } = provider.iexec;
  return order.signWorkerpoolorder(await order.createWorkerpoolorder({ workerpool: pool, workerpoolprice: 10, ...terms }));
};

await step('a request order is published, listed and cancelled', async () => {
  const { order, orderbook } = requester.iexec;
  const requestorder = await request({ category: 3, workerpoolmaxprice: 7, workerpool: pool });
  const hash = await order.publishRequestorder(requestorder);
  const listed = await orderbook.fetchRequestOrderbook({ requester: requester.address, workerpool: pool });
  assert.deepEqual(listed.orders.map((record) => record.orderHash), [hash]);
  await order.cancelRequestorder(requestorder);
  assert.equal((await orderbook.fetchRequestorder(hash)).status, 'canceled');
  const poor = await request({ category: 3, workerpool: pool, workerpoolmaxprice: '1000000 RLC' });
  await assert.rejects(order.publishRequestorder(poor), /API error/);
});

await step('four orders are matched, and the deal is shown', async () => {
  const { order, deal, task, account } = requester.iexec;
  const workerpoolorder = await sell({ category: 4, volume: 2 });
  const requestorder = await request({ category: 4, volume: 2, workerpoolmaxprice: 10, params: { iexec_args: 'print x' } });
  const set = { ...orders, workerpoolorder, requestorder };
  const estimate = await order.estimateMatchOrders(set);
  assert.deepEqual([`${estimate.volume}`, `${estimate.total}`], ['2', '2020']);
  const { dealid, volume } = await order.matchOrders(set);
  assert.equal(`${volume}`, '2');
  const shown = await deal.show(dealid);
  assert.deepEqual([shown.requester, shown.app.pointer, shown.workerpool.pointer, `${shown.botSize}`],
    [requester.address, wasmApp, pool, '2']);
  assert.deepEqual(Object.values(shown.tasks), [await deal.computeTaskId(dealid, 0), await deal.computeTaskId(dealid, 1)]);
  assert.equal(`${(await account.checkBalance(requester.address)).locked}`, '2020');
  assert.equal(shown.deadlineReached, false);
  await assert.rejects(task.show(`0x${'00'.repeat(32)}`), /No task found/);
  await assert.rejects(deal.claim(dealid), /before reaching the final time/);
  await assert.rejects(order.matchOrders(set), /fully consumed/);
  const listed = await deal.fetchRequesterDeals(requester.address);
  assert.deepEqual(listed.deals.map((row) => [row.dealid, row.volume]), [[dealid, 2]]);
  const byOrder = await deal.fetchDealsByRequestorder(await order.hashRequestorder(requestorder));
  assert.equal(byOrder.count, 1);
});

/** Watches a deal as the SDK's users do, until all its tasks have ended. */
const finished = async (dealid) => {
  const watched = await requester.iexec.deal.obsDeal(dealid);
  await new Promise((resolve, reject) => {
    watched.subscribe({ next: () => {}, error: reject, complete: resolve });
    setTimeout(() => reject(new Error(`the deal ${dealid} does not end`)), 40_000);
  });
  return requester.iexec.deal.show(dealid);
};

const done = await step('a deal with an open pool is run by its workers to the end', async () => {
  const { order, orderbook, task } = requester.iexec;
  const offers = await until('the pool to sell', async () => {
    const { orders: found } = await orderbook.fetchWorkerpoolOrderbook({ category: 0 });
    return found.length > 0 && found;
  });
  const workerpoolorder = offers[0].order;
  const requestorder = await request({ category: 0, workerpoolmaxprice: workerpoolorder.workerpoolprice,
    params: { iexec_args: 'write answer "forty two"' } });
  const { dealid } = await order.matchOrders({ ...orders, workerpoolorder, requestorder });
  const { tasks } = await finished(dealid);
  const shown = await task.show(tasks[0]);
  assert.equal(shown.statusName, 'COMPLETED');
  assert.equal(shown.results.storage, 'manyhands');
  const headers = await signIn(requester);
  const result = await fetch(`${url}${shown.results.location}`, { headers });
  assert.equal(result.status, 200);
  const bytes = Buffer.from(await result.arrayBuffer());
  assert.equal(`0x${createHash('sha256').update(bytes).digest('hex')}`, shown.resultDigest);
  assert.ok(bytes.includes('forty two'));
  return tasks[0];
});

await step('a published request is matched by the exchange itself', async () => {
  const { order, deal, task } = requester.iexec;
  const requestorder = await request({ category: 0, volume: 3, workerpoolmaxprice: '1 RLC', params: { iexec_args: 'print x' } });
  const hash = await order.publishRequestorder(requestorder);
  const bought = await until('all three tasks to be bought', async () => {
    const { deals } = await deal.fetchDealsByRequestorder(hash);
    return deals.reduce((sum, row) => sum + row.volume, 0) === 3 && deals;
  });
  for (const { dealid } of bought) {
    const { tasks } = await finished(dealid);
    for (const id of Object.values(tasks)) assert.equal((await task.show(id)).statusName, 'COMPLETED');
  }
});

await step('what this exchange does not have is refused in words', async () => {
  const { hub, result, secrets, task, wallet } = requester.iexec;
  await assert.rejects(hub.createCategory({ name: 'XXL', description: 'a week', workClockTimeRef: 604_800 }), /only category owner/);
  await assert.rejects(wallet.sendETH(1, provider.address), /takes no transactions here/);
  assert.equal(await result.checkResultEncryptionKeyExists(requester.address), false);
  assert.equal(await secrets.checkRequesterSecretExists(requester.address, 'mine'), false);
  await assert.rejects(secrets.pushRequesterSecret('mine', 'hush'), /SMS|secret/i);
  await assert.rejects(task.fetchResults(done), /stored on manyhands, download not supported/);
  await assert.rejects(task.fetchLogs(done), /API|url/i);
  await assert.rejects(task.fetchOffchainInfo(done), /API|url/i);
});

const interfaces = [contracts.getIExecContract(), await contracts.fetchTokenContract()];
for (const kind of ['app', 'dataset', 'workerpool']) {
  interfaces.push(await contracts.fetchRegistryContract(kind), contracts.getContract(kind, pool ?? about.hub));
}
const functionName = (selector) =>
  interfaces.map((contract) => contract.interface.getFunction(selector)?.name).find((name) => name) ?? selector;
report.routes = Object.fromEntries([...heard.routes].sort());
report.methods = Object.fromEntries([...heard.methods].sort());
report.calls = [...new Set([...heard.selectors.keys()].map(functionName))].sort();
report.refused = heard.refused.map((refusal) => ({ ...refusal, selector: refusal.selector && functionName(refusal.selector) }));
close();
console.log(JSON.stringify(report, null, 1));
process.exit(report.failed.length > 0 ? 1 : 0);
