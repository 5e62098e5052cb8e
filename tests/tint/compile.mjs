// Has Tint compile WGSL sources, through Dawn for Node.
//
//     node compile.mjs WEBGPU SOURCES
//
// WEBGPU is the folder of the npm package `webgpu`, SOURCES a JSON file with a list of WGSL texts of one entry point each. Prints a
// JSON list with an object for every text:
//
//     webgpu    why a device with WebGPU's default limits makes no pipeline of the text; null where it makes one
//     adapter   the same of a device with everything that the adapter has
//
// The adapter is Dawn's null adapter, which validates everything and computes nothing: no driver is needed.

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const [webgpu, sources] = process.argv.slice(2);
const { create, globals } = await import(pathToFileURL(`${webgpu}/index.js`));
Object.assign(globalThis, globals);
const gpu = create(['backend=null']);

/** A device with WebGPU's default limits, or with everything that the adapter has. */
async function openDevice(everything) {
    const adapter = await gpu.requestAdapter();
    if (!everything) return adapter.requestDevice();
    const requiredLimits = {};
    for (const name in adapter.limits) requiredLimits[name] = adapter.limits[name];
    return adapter.requestDevice({ requiredFeatures: [...adapter.features], requiredLimits });
}

/** Why `device` makes no pipeline of `code`; null where it makes one. */
async function complaint(device, code) {
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code });
    device.createComputePipeline({ layout: 'auto', compute: { module } });
    return (await device.popErrorScope())?.message ?? null;
}

const [plain, generous] = [await openDevice(false), await openDevice(true)];
const verdicts = [];
for (const code of JSON.parse(await readFile(sources, 'utf8'))) {
    verdicts.push({ webgpu: await complaint(plain, code), adapter: await complaint(generous, code) });
}
// Dawn would keep the process alive.
process.stdout.write(JSON.stringify(verdicts), () => process.exit(0));
