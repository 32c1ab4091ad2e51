/**
 * Options of the bar and line chart. The x axis counts slots, so a day of 23 or 25 hours is drawn
 * as it is; labels come from outside. Estimated bars are hatched, missing slots hatched faintly.
 */
import type uPlot from 'uplot';
import type { Slot } from './series.ts';
import { byMark } from './series.ts';

export interface Look {
  accent: string;
  ghost: string;
  ink: string;
  line: string;
  font: string;
}

export interface Plot {
  slots: Slot[];
  previous: (number | null)[] | null;
  /** Index of the first slot that has not begun; those are empty, not missing. */
  begun: number;
  ticks: number[];
  tickText: (index: number) => string;
  valueText: (value: number) => string;
  onPoint: (index: number | null) => void;
}

const BARS_UP_TO = 130;

export function lookOf(element: Element): Look {
  const style = getComputedStyle(element);
  const probe = (name: string) => {
    const canvas = document.createElement('i');
    canvas.style.color = `var(${name})`;
    element.append(canvas);
    const colour = getComputedStyle(canvas).color;
    canvas.remove();
    return colour;
  };
  return {
    accent: probe('--accent'),
    ghost: probe('--ghost'),
    ink: probe('--ink-2'),
    line: probe('--line'),
    font: `${parseFloat(style.fontSize) * 0.75}px ${style.fontFamily}`
  };
}

/** Diagonal stripes of one colour. */
export function hatch(colour: string, context: CanvasRenderingContext2D): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 8;
  const pen = tile.getContext('2d');
  if (!pen) return colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 2.5;
  pen.beginPath();
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
  }
  pen.stroke();
  return context.createPattern(tile, 'repeat') ?? colour;
}

export function dataOf(plot: Plot): uPlot.AlignedData {
  const { good, estimated } = byMark(plot.slots);
  const x = plot.slots.map((_, index) => index);
  const previous = plot.previous ?? [];
  return [x, good, estimated, x.map((index) => previous[index] ?? null)];
}

function seriesOf(uplot: typeof uPlot, plot: Plot, look: Look): uPlot.Series[] {
  const bars = plot.slots.length <= BARS_UP_TO;
  const paths = bars
    ? uplot.paths.bars?.({ size: [0.78, 64] })
    : uplot.paths.stepped?.({ align: 1 });
  const common = { paths, points: { show: false }, spanGaps: false };
  return [
    {},
    { ...common, fill: bars ? look.accent : undefined, stroke: bars ? undefined : look.accent },
    { ...common, fill: (u) => hatch(look.accent, u.ctx), stroke: look.accent, width: bars ? 1 : 0 },
    { stroke: look.ghost, width: 1.5, dash: [4, 4], points: { show: false }, spanGaps: false }
  ];
}

/** Slots without data are shown as such: a faint hatched band over the whole height. */
function drawMissing(u: uPlot, plot: Plot, look: Look): void {
  const half = (u.valToPos(1, 'x', true) - u.valToPos(0, 'x', true)) / 2;
  u.ctx.save();
  u.ctx.globalAlpha = 0.45;
  u.ctx.fillStyle = hatch(look.line, u.ctx);
  plot.slots.forEach((slot, index) => {
    if (slot.mark !== 'missing' || index >= plot.begun) return;
    u.ctx.fillRect(u.valToPos(index, 'x', true) - half, u.bbox.top, half * 2, u.bbox.height);
  });
  u.ctx.restore();
}

/** Width of the value axis in px: digits are a little over half as wide as high. */
function roomFor(texts: string[], font: string): number {
  const longest = Math.max(4, ...texts.map((text) => text.length));
  return Math.ceil(longest * parseFloat(font) * 0.6) + 16;
}

export function optionsOf(
  uplot: typeof uPlot,
  plot: Plot,
  look: Look,
  size: { width: number; height: number }
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: look.ink,
    font: look.font,
    grid: { stroke: look.line, width: 1 },
    ticks: { show: false }
  };
  return {
    ...size,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: [-0.5, Math.max(0.5, plot.slots.length - 0.5)] },
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1e-6, high ?? 1) * 1.06] }
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 30,
        splits: () => plot.ticks,
        values: (_, splits) => splits.map(plot.tickText)
      },
      {
        ...axis,
        size: (_, texts: string[] | null) => roomFor(texts ?? [], look.font),
        values: (_, splits) => splits.map(plot.valueText)
      }
    ],
    series: seriesOf(uplot, plot, look),
    hooks: {
      drawClear: [(u) => drawMissing(u, plot, look)],
      setCursor: [(u) => plot.onPoint(u.cursor.idx ?? null)]
    }
  };
}
