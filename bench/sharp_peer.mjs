// sharp as services use it: one pipeline a variant, all at once. One JSON job a line in, one JSON result a line out.
import readline from "node:readline";
import sharp from "sharp";

const encoders = {
  jpeg: (image) => image.jpeg({ quality: 80 }),
  webp: (image) => image.webp({ quality: 80, effort: 4 }),
  avif: (image) => image.avif({ quality: 50, effort: 3 }),
  png: (image) => image.png(),
};

async function render(source, { codec, width, height, path }) {
  const image = sharp(source).autoOrient().resize({ width, height, fit: height ? "cover" : "inside", withoutEnlargement: !height });
  if (path) return encoders[codec](image).toFile(path);
  return (await encoders[codec](image).toBuffer()).length;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { source, variants } = JSON.parse(line);
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(variants.map((variant) => render(source, variant)));
  const wallMs = performance.now() - start;
  const used = process.cpuUsage(cpu);
  const peakKb = process.resourceUsage().maxRSS;
  console.log(JSON.stringify({ wallMs, cpuMs: (used.user + used.system) / 1000, peakMb: peakKb / 1024 }));
}
