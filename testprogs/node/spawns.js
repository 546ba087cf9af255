// child_process with piped stdio, channels between processes, and worker threads.
const { spawn, fork, execFileSync, spawnSync } = require('child_process');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');

if (!isMainThread) {
  parentPort.on('message', (m) => {
    if (m === null) return parentPort.close();
    const out = execFileSync('sh', ['-c', `seq ${m} | tail -n 1`]).toString().trim();
    parentPort.postMessage([workerData, out]);
  });
} else if (process.argv[2] === 'child') {
  process.on('message', (m) => (m === 'end' ? process.disconnect() : process.send(m * 2)));
} else {
  main();
}

const ended = (p) => new Promise((resolve) => p.on('close', (code, signal) => resolve([code, signal])));

async function streams() {
  const p = spawn('sh', ['-c', 'tee /dev/stderr | tr 0-9 a-j; exit 4']);
  const out = crypto.createHash('sha256'), err = crypto.createHash('sha256');
  let bytes = 0;
  p.stdout.on('data', (d) => { bytes += d.length; out.update(d); });
  p.stderr.on('data', (d) => { bytes += d.length; err.update(d); });
  for (let i = 0; i < 200; i++) {
    if (!p.stdin.write(Buffer.alloc(10007, String(i)))) await new Promise((r) => p.stdin.once('drain', r));
  }
  p.stdin.end();
  console.log(await ended(p), bytes, out.digest('hex'), err.digest('hex'));
}

async function pipeline() {
  const seq = spawn('seq', ['50000']), sort = spawn('sort', ['-rn']), head = spawn('head', ['-n', '3']);
  seq.stdout.pipe(sort.stdin);
  sort.stdout.pipe(head.stdin);
  head.stdin.on('error', () => {}); // head leaves first
  let text = '';
  head.stdout.on('data', (d) => { text += d; });
  console.log(await ended(head), text.split('\n'));
  sort.stdout.destroy();
  await ended(sort);
}

async function channel() {
  const p = fork(__filename, ['child']);
  let sum = 0, left = 500;
  p.on('message', (m) => { sum += m; if (--left === 0) p.send('end'); });
  for (let i = 0; i < 500; i++) p.send(i);
  console.log(await ended(p), sum);
}

async function workers() {
  const got = await Promise.all([1, 2, 3].map((n) => new Promise((resolve, reject) => {
    const w = new Worker(__filename, { workerData: n });
    const answers = [];
    w.on('message', (m) => { answers.push(m); if (answers.length === 5) w.postMessage(null); });
    w.on('error', reject);
    w.on('exit', (code) => resolve([code, answers]));
    for (let i = 0; i < 5; i++) w.postMessage(n * 100 + i);
  })));
  console.log(JSON.stringify(got));
}

async function main() {
  await streams();
  await pipeline();
  await channel();
  await workers();
  const s = spawnSync('cat', { input: Buffer.alloc(300000, 'z') });
  console.log(s.status, s.stdout.length);
  const p = spawn('cat');
  p.kill('SIGKILL');
  console.log(await ended(p));
  const none = spawn('/no/such/program');
  none.on('error', (e) => console.log(e.code));
}
