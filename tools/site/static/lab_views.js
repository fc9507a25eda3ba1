// How the page "The network in this page" draws: pixels on canvases, frames and circles over them as SVG.

import { percent } from "./network.mjs";

// Values from 0 to `white`, one pixel each.
export function paint(canvas, values, height, width, white) {
  Object.assign(canvas, { height, width });
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer); // each is opacity, blue, green, red
  values.forEach((value, i) => (pixels[i] = 0xff000000 + 0x010101 * Math.round((255 * value) / white)));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Maps of one size side by side, at least `least` of them in a row.
export function tile(canvas, maps, height, width, white, least) {
  const small = document.createElement("canvas");
  const room = canvas.parentElement.clientWidth + 4;
  const across = Math.max(20, Math.min(72, Math.floor(room / least) - 4));
  const down = Math.round((across * height) / width);
  const columns = Math.max(least, Math.floor(room / (across + 4)));
  canvas.width = Math.min(columns, maps.length) * (across + 4) - 4;
  canvas.height = Math.ceil(maps.length / columns) * (down + 4) - 4;
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  maps.forEach((map, i) => {
    paint(small, map, height, width, white);
    pen.drawImage(small, (i % columns) * (across + 4), Math.floor(i / columns) * (down + 4), across, down);
  });
}

export const box = ({ top, left }, size, look) =>
  `<rect x="${left}" y="${top}" width="${size}" height="${size}" ${look}/>`;

// What was found on a canvas, each in a frame with its name; `pixel` is one of the screen in the canvas's units.
export function frames(found, side, width, pixel, colours) {
  const size = Math.min(13 * pixel, side / 7);
  return found.map(({ name, top, left, probability }, i) => {
    const colour = colours[i % colours.length];
    const y = top > size ? top - 3 * pixel : top + side + size;
    const [x, anchor] = left < width / 2 ? [left, "start"] : [left + side, "end"]; // away from the edges
    const ink = `fill="white" stroke="black" stroke-width="${3 * pixel}" paint-order="stroke"`;
    const letters = `x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" ${ink}`;
    const words = `<text ${letters}>${name} ${percent(probability)}</text>`;
    return box({ top, left }, side, `fill="none" stroke="${colour}" stroke-width="${2 * pixel}"`) + words;
  });
}

// A circle at each position of a map, its area the value there: dashed where it is below 0.
export function circles(values, [down, across], [height, width], colours) {
  const high = Math.max(...values.map(Math.abs), 1e-6);
  return Array.from(values, (value, i) => {
    const [row, column] = [Math.floor(i / across) + 0.5, (i % across) + 0.5];
    const radius = 0.46 * (height / down) * Math.sqrt(Math.abs(value) / high);
    const place = `cx="${(width / across) * column}" cy="${(height / down) * row}" r="${radius}"`;
    const look = value < 0 ? `stroke="${colours.against}" stroke-dasharray="0.6 0.5"` : `stroke="${colours.for}"`;
    const fill = value < 0 ? "none" : colours.for;
    return `<circle ${place} ${look} stroke-width="0.35" fill="${fill}" fill-opacity="0.35"/>`;
  });
}
