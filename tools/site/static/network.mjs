// The shipped network in JavaScript: what it computes, and the rule that finds garments on a canvas, as in
// inception_edu/course/canvas.py. Nothing here needs a page. A picture is { pixels, height, width }, 0 black to 255.

export function layOut(garments, { classes, pictures, side, height, width }) {
  const pixels = new Uint8Array(height * width);
  for (const { name, top, left } of garments) {
    pictures[classes.indexOf(name)].forEach((value, i) => {
      const at = (top + Math.floor(i / side)) * width + left + (i % side);
      pixels[at] = Math.max(pixels[at], value); // where two overlap, the lighter wins
    });
  }
  return { pixels, height, width };
}

export function covered({ pixels, height, width }, { top, left, size }) {
  const copy = pixels.slice();
  for (let row = top; row < top + size; row++) copy.fill(0, row * width + left, row * width + left + size);
  return { pixels: copy, height, width };
}

export function cut({ pixels, width }, { top, left }, side) {
  const from = (i) => (top + Math.floor(i / side)) * width + left + (i % side);
  return { pixels: Uint8Array.from({ length: side * side }, (_, i) => pixels[from(i)]), height: side, width: side };
}

export const largest = (values) => values.indexOf(Math.max(...values));
export const percent = (share) => `${(100 * share).toFixed(0)}%`;

function softmax(logits) {
  const high = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - high));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// What a notebook's explorer says of the same canvas, and of the same picture.
export function canvasSentence(garments, found, { side }) {
  const same = (laid, seen) =>
    laid.name === seen.name && Math.max(Math.abs(laid.top - seen.top), Math.abs(laid.left - seen.left)) <= side / 2;
  const right = garments.filter((one) => found.some((seen) => same(one, seen))).length;
  const names = found.map(({ name, probability }) => `${name} (${percent(probability)})`).join(", ") || "nothing";
  return `${right} of ${garments.length} garments found. From left to right, the network says: ${names}.`;
}

export function pictureSentence(label, probabilities, size, { classes }) {
  const said = classes[largest(probabilities)];
  const hidden = size ? `${size}x${size} pixels covered, ${size ** 2} in all` : "nothing covered";
  const verdict = label ? (said === label ? ", still right" : ", flipped") : "";
  const answer = `${said} (${percent(Math.max(...probabilities))})`;
  return `${label ?? "Your drawing"}, ${hidden}: the network says ${answer}${verdict}.`;
}

export class Network {
  constructor(ort, session, facts) {
    Object.assign(this, { ort, session, facts });
  }

  // Pictures of one size -> their logits, and every block's output as { data, dims: [N, C, h, w] }.
  async run(pictures) {
    const [{ height, width }] = pictures;
    const { mean, std } = this.facts;
    const images = new Float32Array(pictures.length * height * width);
    pictures.forEach(({ pixels }, n) => {
      pixels.forEach((value, i) => (images[n * height * width + i] = (Math.fround(value / 255) - mean) / std));
    });
    const input = new this.ort.Tensor("float32", images, [pictures.length, 1, height, width]);
    const { logits, ...blocks } = await this.session.run({ images: input });
    const classes = this.facts.classes.length;
    return { logits: pictures.map((_, n) => logits.data.slice(n * classes, (n + 1) * classes)), blocks };
  }

  async probabilities(pictures) {
    return pictures.length ? (await this.run(pictures)).logits.map(softmax) : [];
  }

  // The linear layer applied to each position of the last block: a map for each class, whose mean is the logit.
  classMaps({ data, dims: [, channels, height, width] }) {
    const { weight, bias } = this.facts;
    const area = height * width;
    const maps = weight.map((row, label) => {
      const map = new Float64Array(area).fill(bias[label]);
      for (let c = 0; c < channels; c++) for (let i = 0; i < area; i++) map[i] += row[c] * data[c * area + i];
      return map;
    });
    return { maps, height, width };
  }

  // Windows that hold more light near their middle than any window within reach.
  peaks({ pixels, height, width }) {
    const { side, step, reach, light: least, nearTheMiddle, std } = this.facts;
    const [rows, columns] = [height, width].map((length) => Math.floor((length - side) / step) + 1);
    const across = new Float64Array(height * columns);
    const light = new Float64Array(rows * columns);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < columns; column++) {
        const start = row * width + step * column;
        for (let i = 0; i < side; i++) across[row * columns + column] += nearTheMiddle[i] * pixels[start + i];
      }
    }
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let i = 0; i < side; i++) sum += nearTheMiddle[i] * across[(step * row + i) * columns + column];
        light[row * columns + column] = sum / (255 * std * side * side);
      }
    }
    const near = Math.floor(reach / step);
    const isPeak = (row, column) => {
      const here = light[row * columns + column];
      if (here <= least) return false;
      for (let r = Math.max(0, row - near); r <= Math.min(rows - 1, row + near); r++) {
        for (let c = Math.max(0, column - near); c <= Math.min(columns - 1, column + near); c++) {
          if (light[r * columns + c] > here) return false;
        }
      }
      return true;
    };
    const places = Array.from(light, (_, i) => [Math.floor(i / columns), i % columns]);
    const peaks = places.filter(([row, column]) => isPeak(row, column));
    return peaks.map(([row, column]) => ({ top: step * row, left: step * column }));
  }

  // What the network sees on a canvas, left to right.
  async find(canvas) {
    const places = this.peaks(canvas);
    const seen = await this.probabilities(places.map((each) => cut(canvas, each, this.facts.side)));
    return places
      .map((place, i) => ({ name: this.facts.classes[largest(seen[i])], ...place, probability: Math.max(...seen[i]) }))
      .filter(({ probability }) => probability >= this.facts.sure)
      .sort((a, b) => a.left - b.left);
  }

  // All that the page shows of a picture. Of a canvas the probabilities are those of a `window`, garments are looked
  // for, and the class maps are what it adds to an empty canvas.
  async look({ picture, square, window }) {
    const { side } = this.facts;
    const shown = square ? covered(picture, square) : picture;
    const two = [shown, picture].map((each) => (window ? cut(each, window, side) : each));
    const [probabilities, before] = await this.probabilities(square ? two : [two[0]]);
    const { blocks } = await this.run([shown]);
    const last = this.facts.blocks.at(-1).name;
    const map = this.classMaps(blocks[last]);
    if (window) {
      this.empty ??= this.classMaps((await this.run([layOut([], this.facts)])).blocks[last]).maps;
      map.maps = map.maps.map((each, label) => each.map((value, i) => Math.max(0, value - this.empty[label][i])));
    }
    const told = Object.entries(blocks).map(([name, { data, dims }]) => [name, { data, dims }]);
    return { probabilities, before, map, blocks: Object.fromEntries(told), found: window && (await this.find(shown)) };
  }
}
