
// Betas of the selected instrument.

const choice = find("symbol");
const multiples = new Map();
let asked = 0, shownFrame, asking = false;

const choices = () => {
  const known = [...choice.options].map(option => option.value);
  if (known.length === state.symbols.length && known.every((symbol, at) => symbol === state.symbols[at])) return;
  const before = choice.value;
  choice.replaceChildren(...state.symbols.map(symbol => element("option", { value: symbol }, symbol)));
  // Start with the largest position.
  const held = state.positions.find(row => state.symbols.includes(row.symbol))?.symbol;
  const wanted = [before, held, state.symbols[0]].find(symbol => state.symbols.includes(symbol));
  if (wanted !== undefined) choice.value = wanted;
};

// At most every two seconds, and only after a new frame.
const betas = async () => {
  const frame = choice.value + " " + state?.last?.seq;
  if (!choice.value || asking || frame === shownFrame || Date.now() - asked < 2000) return;
  [asking, asked] = [true, Date.now()];
  const symbol = choice.value;
  try {
    const answer = await fetch("/api/betas?symbol=" + encodeURIComponent(symbol));
    if (answer.ok) {
      const found = await answer.json();
      if (symbol === choice.value) {
        drawBetas(found);
        shownFrame = frame;
      }
    }
  } catch {
    // The connection is lost; the stream reports it.
  }
  asking = false;
  if (symbol !== choice.value) {
    asked = 0;
    betas();
  }
};

const drawBetas = ({ timestamp, coefficients, symbol }) => {
  const place = find("betas");
  place.dataset.symbol = symbol;
  for (const [name, { figure }] of multiples) {
    if (!coefficients.some(coefficient => coefficient.name === name)) {
      figure.remove();
      multiples.delete(name);
    }
  }
  for (const { name, mean, sd } of coefficients) {
    let multiple = multiples.get(name);
    if (!multiple) {
      const [caption, drawing] = [element("figcaption"), element("div", { class: "chart" })];
      const figure = element("figure", {}, caption, drawing);
      place.append(figure);
      // Alpha is a return per bar, shown in bps; a beta has no unit.
      const format = name === "alpha"
        ? (value, decimals) => known(value) ? number(1e4 * value, decimals === undefined ? 2 : Math.max(0, decimals - 4)) : NONE
        : (value, decimals = 3) => number(value, decimals);
      multiple = { figure, caption, chart: new Chart(drawing, format) };
      multiples.set(name, multiple);
    }
    const at = mean.length - 1;
    const format = multiple.chart.format;
    const label = name === "alpha" ? "alpha, bps per bar" : name;
    const value = element("b", {}, format(mean[at]));
    value.dataset.beta = name;
    if (known(mean[at])) value.dataset.value = mean[at];
    multiple.caption.replaceChildren(label + " ", value, ` ± ${format(sd[at])}`);
    const bound = sign => mean.map((value, i) => known(value) && known(sd[i]) ? value + sign * 2 * sd[i] : null);
    multiple.chart.show(timestamp, [{ name: label, values: mean, style: "blue", low: bound(-1), high: bound(1) }]);
  }
};
choice.addEventListener("change", () => { asked = 0; betas(); });
