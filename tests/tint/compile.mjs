// Has Tint compile WGSL sources, through Dawn for Node.
//
//     node compile.mjs WEBGPU SOURCES
//
// WEBGPU is the folder of the npm package `webgpu`, SOURCES a JSON file with a list of WGSL texts of one entry point each. Prints a
// JSON list with an object for every text:
//
//     module     what is wrong with the text; null where nothing is
//     pipeline   why a device with WebGPU's default limits makes no pipeline of it; null where it makes one
//
// The device is one of Dawn's null adapter, which validates everything and computes nothing: no driver is needed.

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

const [webgpu, sources] = process.argv.slice(2);
const { create, globals } = await import(pathToFileURL(`${webgpu}/index.js`));
Object.assign(globalThis, globals);
const gpu = create(['backend=null']);
const device = await (await gpu.requestAdapter()).requestDevice();

/** The result of `make` and what the device finds wrong with it; null where it finds nothing. */
async function validated(make) {
    device.pushErrorScope('validation');
    const made = make();
    return [made, (await device.popErrorScope())?.message ?? null];
}

const verdicts = [];
for (const code of JSON.parse(await readFile(sources, 'utf8'))) {
    const [compute, module] = await validated(() => device.createShaderModule({ code }));
    const [, pipeline] = await validated(() => device.createComputePipeline({ layout: 'auto', compute: { module: compute } }));
    verdicts.push({ module, pipeline });
}
// Dawn would keep the process alive.
process.stdout.write(JSON.stringify(verdicts), () => process.exit(0));
