// Runs the files that eng/onnx-cases.cs wrote in ONNX Runtime and compares its logits with the engine's:
//   node eng/run-onnx-cases.mjs DIR
// onnxruntime-node must be installed in DIR (cd DIR && npm install --ignore-scripts onnxruntime-node). Ends with 1 where a difference exceeds 1e-4
// of the largest logit.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2] ?? '.');
const ort = createRequire(join(folder, 'index.js'))('onnxruntime-node');
const floats = file => {
  const bytes = readFileSync(join(folder, file));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
};

let worst = 0;
for (const about of readdirSync(folder).filter(f => f.endsWith('.json') && !f.startsWith('package')).sort()) {
  const name = about.slice(0, -'.json'.length);
  const { extents, files } = JSON.parse(readFileSync(join(folder, about), 'utf8'));
  const expected = floats(`${name}.logits`);
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const file of files) {
    const session = await ort.InferenceSession.create(join(folder, file));
    const { logits } = await session.run({ input: new ort.Tensor('float32', floats(`${name}.input`), extents) });
    const difference = logits.data.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0) / scale;
    const isRight = logits.data.length === expected.length && difference <= 1e-4;
    worst = Math.max(worst, isRight ? difference : Infinity);
    console.log(`${isRight ? 'ok   ' : 'WRONG'} ${file.padEnd(40)} ${difference.toExponential(1)} of ${scale.toPrecision(3)}`);
    await session.release();
  }
}

console.log(`worst ${worst.toExponential(1)}`);
process.exit(worst <= 1e-4 ? 0 : 1);
