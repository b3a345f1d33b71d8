// Stands between the SDK and the exchange and writes down what is asked: every request is passed on unchanged.

import http from 'node:http';

const body = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

const count = (counts, what) => counts.set(what, (counts.get(what) ?? 0) + 1);

/** Listens on a free port of this machine. `heard` has what was asked, and `refused` the JSON-RPC errors. */
export const overhear = async (exchange) => {
  const heard = { routes: new Map(), methods: new Map(), selectors: new Map(), refused: [] };
  const listen = (path, method, status, sent, answered) => {
    if (path !== '/rpc') {
      const shape = path.replace(/0x[0-9a-f]{64}/i, '{hash}').replace(/sha256:[0-9a-f]{64}/, '{digest}');
      count(heard.routes, `${method} ${shape} ${status}`);
      return;
    }
    const [requests, answers] = [sent, answered].map((text) => [JSON.parse(text)].flat());
    for (const { id, method, params } of requests) {
      count(heard.methods, method);
      const selector = method === 'eth_call' ? params[0].data.slice(0, 10) : undefined;
      if (selector) count(heard.selectors, selector);
      const { error } = answers.find((answer) => answer.id === id);
      if (error) heard.refused.push({ method, selector, code: error.code, message: error.message });
    }
  };
  const server = http.createServer(async (request, response) => {
    const sent = await body(request);
    const { method, url, headers } = request;
    const { host, connection, ...rest } = headers;
    const passed = http.request(new URL(url, exchange), { method, headers: rest }, async (answer) => {
      const answered = await body(answer);
      listen(url.split('?')[0], method, answer.statusCode, sent, answered);
      response.writeHead(answer.statusCode, answer.headers).end(answered);
    });
    passed.on('error', (error) => response.destroy(error)).end(sent);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { url: `http://127.0.0.1:${server.address().port}`, heard, close: () => server.close() };
};

/** Asks again and again, until the answer is something. */
export const until = async (what, ask) => {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`waited in vain for ${what}`);
};
