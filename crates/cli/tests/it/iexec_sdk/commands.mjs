// What people do with iExec's command line, done against an exchange: node commands.mjs '{"exchange", "key", "app"}', with
// an app that is on sale there.
// Writes one JSON report; the exit code is 1 where a command failed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { overhear, until } from './overhear.mjs';

const { exchange, key, app } = JSON.parse(process.argv[2]);
const { url, heard, close } = await overhear(exchange);
const about = await (await fetch(`${exchange}/v1/exchange`)).json();
const program = join(dirname(createRequire(import.meta.url).resolve('iexec')), '../cli/cmd/iexec.js');
const secret = ['--password', 'sesame', '--keystoredir', 'local'];

const report = { steps: [], failed: [] };
const iexec = async (...words) => {
  const began = Date.now();
  const said = await promisify(execFile)('node', [program, ...words, '--raw']).catch((error) => error);
  const answer = JSON.parse(said.stdout.trim().split('\n').at(-1) || '{}');
  assert.equal(answer.ok, true, `iexec ${words.join(' ')}: ${said.stdout}${said.stderr}`);
  report.steps.push(`iexec ${words.slice(0, 2).join(' ')} (${Date.now() - began} ms)`);
  return answer;
};

try {
  const chain = { id: `${about.chain_id}`, host: `${url}/rpc`, hub: about.hub, sms: url, iexecGateway: url, ipfsGateway: url };
  await writeFile('chain.json', JSON.stringify({ default: 'here', chains: { here: chain } }));
  const { address } = await iexec('wallet', 'import', key, ...secret);
  await writeFile('iexec.json', JSON.stringify({ workerpool: { owner: address, description: 'mine' } }));
  assert.ok((await iexec('workerpool', 'deploy', ...secret)).address);
  const [{ balance }, book] = await Promise.all([iexec('account', 'show', address), iexec('orderbook', 'app', app)]);
  assert.deepEqual([balance.stake, book.count], ['100000000000', 1]);

  const offers = `${exchange}/workerpoolorders?chainId=${about.chain_id}&category=0`;
  await until('the pool to sell', async () => (await (await fetch(offers)).json()).count > 0);
  const { deals } = await iexec('app', 'run', app, '--args', 'write answer 42', '--watch', '--force', ...secret);
  const { deal } = await iexec('deal', 'show', deals[0].dealid);
  assert.deepEqual([deal.app.pointer.toLowerCase(), deal.requester], [app.toLowerCase(), address]);
  const { task } = await iexec('task', 'show', deal.tasks[0]);
  assert.deepEqual([task.statusName, task.results.storage], ['COMPLETED', 'manyhands']);
} catch (error) {
  report.failed.push(`${error.stack}`);
}
report.routes = Object.fromEntries([...heard.routes].sort());
report.methods = Object.fromEntries([...heard.methods].sort());
report.refused = heard.refused;
close();
console.log(JSON.stringify(report, null, 1));
process.exit(report.failed.length > 0 ? 1 : 0);
