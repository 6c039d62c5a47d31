import { formatDuration, type Millis } from '../time/index.ts';
import type { Ending, Observation, Trace } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';
import type { Judgement } from '../logic/index.ts';
import { moment, oneLine } from './text.ts';
import { timeline, type Lane, type Segment, type Timeline } from './timeline.ts';

/* Sizes in pixels of the picture's own space. */
const WIDTH = 900;
const LEFT = 150;
const RIGHT = 24;
const HEAD = 44;
const LANE = 46;
const BAR = 20;
const FAULT = 18;
const FOOT = 46;
/** A bar is at least so wide, so that a moment can be seen. */
const LEAST_BAR = 3;
/** About the width of a letter at the size of the labels. */
const LETTER = 6.6;

/** How many lanes, and how many marks on each, are drawn; the picture says when there were more. */
const MAX_LANES = 20;
const MAX_MARKS = 60;
/** How many ticks the axis has at most. */
const MAX_TICKS = 8;

/** What is drawn: a trace, and where there is one, what was judged of it. */
export interface Drawn {
  readonly trace: Pick<Trace, 'observations' | 'header'>;
  readonly judgement?: Judgement | undefined;
  readonly name?: string | undefined;
}

/**
 * A trace as a picture: a lane per source with its states as bars, failed looks, faults, the observations that decided and the
 * moment of the verdict. It needs no script, no font and no network, and follows the reader's light or dark scheme.
 *
 * What the system under test said is escaped and bounded.
 *
 * @returns an SVG document; the same trace gives the same text
 *
 * @example
 * ```ts
 * import { renderSvg } from 'holdfast/report';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('poll', { kind: 'state', state: '<queued>' });
 * renderSvg({ trace }).includes('&lt;queued&gt;'); // => true
 * ```
 */
export function renderSvg({ trace, judgement, name }: Drawn): string {
  const picture = timeline(trace);
  const lanes = picture.lanes.slice(0, MAX_LANES);
  const end = Math.max(judgement?.at ?? 0, picture.to, ...picture.lanes.map(({ last }) => last), 1);
  const scale = scaleTo(end);
  const faultsTop = HEAD + lanes.length * LANE;
  const bottom = faultsTop + picture.faults.length * FAULT + 8;
  const height = bottom + FOOT;
  const what = name === undefined || name.trim() === '' ? 'what was watched' : oneLine(name, 80);
  const title = judgement === undefined ? what : `${what}: ${judgement.verdict}, decided by ${judgement.decidedBy}`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title)}">`,
    `<title>${escapeXml(title)}</title>`,
    STYLE,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    text(16, 24, fit(title, WIDTH - 32), 'title'),
    ...axis(scale, end, bottom),
    ...lanes.flatMap((lane, i) => drawLane(lane, HEAD + i * LANE, scale, end)),
    ...drawFaults(picture, faultsTop, scale, end),
    ...(picture.lanes.length > lanes.length
      ? [text(16, bottom + 12, `… and ${picture.lanes.length - lanes.length} more sources`, 'dim')]
      : []),
    ...drawMarks(trace.observations.filter(ownIn(trace)), lanes, judgement, scale),
    ...drawVerdict(judgement, scale, bottom),
    ...legend(picture, bottom + 32),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

type Scale = (at: Millis) => number;

function scaleTo(end: Millis): Scale {
  return (at) => round(LEFT + (Math.min(Math.max(at, 0), end) / end) * (WIDTH - LEFT - RIGHT));
}

function axis(scale: Scale, end: Millis, bottom: number): readonly string[] {
  const step = stepFor(end);
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
  return ticks.flatMap((at) => [
    `<line class="grid" x1="${scale(at)}" y1="${HEAD - 6}" x2="${scale(at)}" y2="${bottom}"/>`,
    text(scale(at), bottom + 14, formatDuration(at), 'dim', 'middle'),
  ]);
}

/** 1, 2 or 5 times a power of ten, so that there are few of them. */
function stepFor(end: Millis): Millis {
  const power = 10 ** Math.floor(Math.log10(end / MAX_TICKS));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => end / step <= MAX_TICKS) ?? end;
}

function drawLane(lane: Lane, top: number, scale: Scale, end: Millis): readonly string[] {
  const middle = top + LANE / 2;
  return [
    text(LEFT - 12, middle + 4, fit(lane.source, LEFT - 28), 'label', 'end'),
    `<line class="grid" x1="${LEFT}" y1="${middle}" x2="${WIDTH - RIGHT}" y2="${middle}"/>`,
    ...lane.segments.flatMap((segment, i) => {
      if (segment.kind === 'message') return [];
      // A state lasts, as far as anybody knows, until the next one is seen.
      const until =
        segment.ending !== undefined ? segment.last : (lane.segments[i + 1]?.first ?? Math.max(segment.last, lane.last));
      return drawBar(segment, Math.min(until, end), top + (LANE - BAR) / 2, scale);
    }),
    ...(lane.left === undefined ? [] : [text(WIDTH - RIGHT, top + 10, `${lane.left.segments} changes left out`, 'dim', 'end')]),
    ...lane.errors.flatMap((error) => [
      `<rect class="error" x="${scale(error.first)}" y="${middle + BAR / 2 + 2}" width="${width(error.first, error.last, scale)}" height="4"><title>${escapeXml(`${error.looks} × ${oneLine(error.message, 200)}, ${moment(error.first)} … ${moment(error.last)}`)}</title></rect>`,
    ]),
  ];
}

function drawBar(segment: Segment, until: Millis, y: number, scale: Scale): readonly string[] {
  const { label, ending, first, last, looks, progress } = segment;
  const wide = width(first, until, scale);
  const shown = oneLine(label, 60);
  const told = `${shown}: ${looks} ${looks === 1 ? 'look' : 'looks'}, ${moment(first)} … ${moment(last)}${progress === undefined ? '' : `, ${progress.last} %`}`;
  return [
    `<rect class="${classOf(segment.kind, ending)}" x="${scale(first)}" y="${y}" width="${wide}" height="${BAR}" rx="3"><title>${escapeXml(told)}</title></rect>`,
    ...(wide > shown.length * LETTER + 8 ? [text(scale(first) + 5, y + 14, shown, 'inside')] : []),
  ];
}

function classOf(kind: Segment['kind'], ending: Ending | undefined): string {
  return ending ?? (kind === 'value' ? 'value' : 'pending');
}

function drawFaults(picture: Timeline, top: number, scale: Scale, end: Millis): readonly string[] {
  return picture.faults.flatMap(({ fault, from, to }, i) => {
    const y = top + i * FAULT;
    return [
      text(LEFT - 12, y + 11, fit(`fault ${fault}`, LEFT - 28), 'label', 'end'),
      `<rect class="fault" x="${scale(from)}" y="${y + 3}" width="${width(from, to ?? end, scale)}" height="10"><title>${escapeXml(`${oneLine(fault, 200)}, ${moment(from)} … ${to === undefined ? 'still in force' : moment(to)}`)}</title></rect>`,
    ];
  });
}

/** Messages as dots, and a ring round whatever decided. */
function drawMarks(
  observations: readonly Observation[],
  lanes: readonly Lane[],
  judgement: Judgement | undefined,
  scale: Scale,
): readonly string[] {
  const middleOf = (source: string): number | undefined => {
    const i = lanes.findIndex((lane) => lane.source === source);
    return i < 0 ? undefined : HEAD + i * LANE + LANE / 2;
  };
  const messages = observations.filter(({ kind }) => kind === 'message').slice(-MAX_MARKS);
  const evidence = (judgement?.evidence ?? []).slice(-MAX_MARKS);
  return [
    ...messages.flatMap((o) => {
      const y = middleOf(o.source);
      if (y === undefined || o.kind !== 'message') return [];
      const told = `${oneLine(o.type ?? o.id ?? 'message', 80)}, ${moment(o.at)}`;
      return [`<circle class="message" cx="${scale(o.at)}" cy="${y}" r="5"><title>${escapeXml(told)}</title></circle>`];
    }),
    ...evidence.flatMap((o) => {
      const y = middleOf(o.source);
      return y === undefined
        ? []
        : [
            `<circle class="evidence" cx="${scale(o.at)}" cy="${y}" r="8"><title>${escapeXml(`evidence, ${moment(o.at)}`)}</title></circle>`,
          ];
    }),
  ];
}

function drawVerdict(judgement: Judgement | undefined, scale: Scale, bottom: number): readonly string[] {
  if (judgement?.at === undefined) return [];
  const x = scale(judgement.at);
  const words = `${judgement.decidedBy === 'deadline' ? 'deadline' : judgement.verdict} ${moment(judgement.at)}`;
  // The words stay within the picture.
  const anchor = x > WIDTH - RIGHT - words.length * LETTER ? 'end' : 'start';
  return [
    `<line class="verdict" x1="${x}" y1="${HEAD - 8}" x2="${x}" y2="${bottom}"/>`,
    text(anchor === 'end' ? x - 5 : x + 5, HEAD + 2, words, 'verdict-text', anchor),
  ];
}

function legend(picture: Timeline, y: number): readonly string[] {
  const kinds = new Set<string>();
  for (const lane of picture.lanes) {
    for (const segment of lane.segments)
      kinds.add(segment.kind === 'message' ? 'message' : classOf(segment.kind, segment.ending));
    if (lane.errors.length > 0) kinds.add('error');
  }
  if (picture.faults.length > 0) kinds.add('fault');
  const names = LEGEND.filter(([kind]) => kinds.has(kind));
  let x = LEFT;
  return names.flatMap(([kind, words]) => {
    const at = x;
    x += words.length * LETTER + 34;
    return [`<rect class="${kind}" x="${at}" y="${y - 9}" width="12" height="10" rx="2"/>`, text(at + 17, y, words, 'dim')];
  });
}

const LEGEND: readonly (readonly [string, string])[] = [
  ['pending', 'state'],
  ['value', 'value'],
  ['success', 'success'],
  ['failure', 'failure'],
  ['cancelled', 'cancelled'],
  ['message', 'message'],
  ['error', 'look that failed'],
  ['fault', 'fault in force'],
];

/** Colours that keep a contrast of 4.5 to 1 for text in both schemes. */
const STYLE = `<style>
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}
.title{font-weight:600;font-size:13px}.dim{fill:#59636e;font-size:11px}.inside{fill:#fff;font-size:11px}
.paper{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1}
.pending{fill:#4c5a67}.value{fill:#0969da}.success{fill:#1a7f37}.failure{fill:#c5232f}.cancelled{fill:#8a5a00}
.message{fill:#8250df}.error{fill:#c5232f}.fault{fill:#bf5b00;fill-opacity:.75}
.evidence{fill:none;stroke:#1f2328;stroke-width:2}
.verdict{stroke:#c5232f;stroke-width:1.5;stroke-dasharray:4 3}.verdict-text{fill:#c5232f;font-size:11px}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.dim{fill:#9198a1}.inside{fill:#0d1117}
.paper{fill:#0d1117}.grid{stroke:#3d444d}
.pending{fill:#9aa7b4}.value{fill:#58a6ff}.success{fill:#3fb950}.failure{fill:#ff7b72}.cancelled{fill:#e3b341}
.message{fill:#bc8cff}.error{fill:#ff7b72}.fault{fill:#f0883e}
.evidence{stroke:#f0f6fc}
.verdict{stroke:#ff7b72}.verdict-text{fill:#ff7b72}
}
</style>`;

function text(x: number, y: number, words: string, kind: string, anchor = 'start'): string {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}"${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escapeXml(words)}</text>`;
}

function width(from: Millis, to: Millis, scale: Scale): number {
  return round(Math.max(LEAST_BAR, scale(to) - scale(from)));
}

function fit(words: string, pixels: number): string {
  return oneLine(words, Math.max(4, Math.floor(pixels / LETTER)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Control characters, which XML forbids, have been escaped by `oneLine`. */
function escapeXml(words: string): string {
  return words.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
