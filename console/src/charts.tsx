// Small charts, drawn as wide as there is room, so that their texts have one size everywhere. What they show is also there
// as text.

import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "./en";
import { clock, hourAndMinute } from "./time";
import type { Children } from "./ui";

/** What a line shows; null: nothing was there to measure, which is not zero. */
export interface Series {
    text: string;
    tone: string;
    values: (number | null)[];
}

const height = 168;
const top = 10;
const bottom = 22;
const right = 12;
const characterWidth = 6.6; // of the texts of axes, at most
const widthAtFirst = 440;

function useWidth(of: RefObject<HTMLElement>) {
    const width = useSignal(widthAtFirst);
    useEffect(() => {
        const element = of.current;
        if (!element) return;
        const watcher = new ResizeObserver(([entry]) => {
            if (entry) width.value = Math.max(160, Math.round(entry.contentRect.width));
        });
        watcher.observe(element);
        return () => watcher.disconnect();
    }, []);
    return width.value;
}

/** The next round number: 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
    const power = 10 ** Math.floor(Math.log10(value));
    return ([1, 2, 5, 10].find((each) => each * power >= value * 0.999) ?? 10) * power;
}

/** Where the lines across are, from 0 to the top one. */
function ticksFor(most: number, areWhole: boolean): number[] {
    const least = areWhole || most === 0 ? 1 : 0;
    const step = Math.max(least, roundUp(Math.max(most, 0.04) / 4));
    const count = Math.max(1, Math.ceil(most / step - 0.001));
    return Array.from({ length: count + 1 }, (_, i) => i * step);
}

interface Scale {
    left: number;
    width: number;
    most: number;
    y: (value: number) => number;
}

function scaleOf(ticks: number[], width: number): Scale {
    const most = ticks[ticks.length - 1] ?? 1;
    const longest = Math.max(...ticks.map((each) => t.number(each).length));
    return {
        left: 10 + longest * characterWidth,
        width,
        most,
        y: (value) => top + (height - top - bottom) * (1 - Math.min(1, value / most)),
    };
}

function Frame({ of, ticks }: { of: Scale; ticks: number[] }) {
    return (
        <>
            {ticks.map((each) => (
                <g key={each}>
                    <line class="grid-line" x1={of.left} x2={of.width} y1={of.y(each)} y2={of.y(each)} />
                    <text class="axis" x={of.left - 8} y={of.y(each) + 4} text-anchor="end">
                        {t.number(each)}
                    </text>
                </g>
            ))}
        </>
    );
}

function Moment({ x, text, of }: { x: number; text: string; of: Scale }) {
    // Those at the edges stay inside.
    const anchor = x < of.left + 18 ? "start" : x > of.width - 18 ? "end" : "middle";
    return (
        <text class="axis" x={x} y={height - 5} text-anchor={anchor}>
            {text}
        </text>
    );
}

/** The whole minutes of a span of time, as many as have room. */
function minutesIn(from: number, to: number): number[] {
    const minute = 60_000;
    const first = Math.ceil(from / minute) * minute;
    return Array.from({ length: Math.max(0, Math.floor((to - first) / minute) + 1) }, (_, i) => first + i * minute);
}

function Legend({ series, at }: { series: { text: string; tone: string; value: number | null }[]; at: string }) {
    return (
        <figcaption>
            {series.map((each) => (
                <span key={each.text} class="legend">
                    <svg class="swatch" viewBox="0 0 18 6" aria-hidden="true">
                        <line class={`line ${each.tone}`} x1="0" x2="18" y1="3" y2="3" />
                    </svg>
                    {each.text} <b>{each.value === null ? t.overview.noValue : t.number(each.value)}</b>
                </span>
            ))}
            <span class="legend-time dim">{at}</span>
        </figcaption>
    );
}

/**
 * Lines over the last `spanMs`.
 *
 * at    when each value was there, ascending; a longer pause than `gapMs` between two is a gap in the lines
 */
export function Lines({
    series,
    at,
    spanMs,
    gapMs,
    text,
}: {
    series: Series[];
    at: number[];
    spanMs: number;
    gapMs: number;
    text: string;
}) {
    const frame = useRef<HTMLElement>(null);
    const width = useWidth(frame);
    const pointed = useSignal<number | undefined>(undefined); // a moment
    const known = series.flatMap((each) => each.values.filter((value) => value !== null));
    const ticks = ticksFor(Math.max(0, ...known), false);
    const scale = scaleOf(ticks, width);
    const to = at[at.length - 1] ?? 0;
    const from = to - spanMs;
    const x = (moment: number) => scale.left + ((width - right - scale.left) * (moment - from)) / spanMs;
    const nearest =
        pointed.value === undefined
            ? at.length - 1
            : at.reduce(
                  (best, each, i) =>
                      Math.abs(each - (pointed.value ?? 0)) < Math.abs((at[best] ?? 0) - (pointed.value ?? 0))
                          ? i
                          : best,
                  0,
              );
    const valuesAt = (i: number) =>
        series.map((each) => ({ text: each.text, tone: each.tone, value: each.values[i] ?? null }));
    const latest = valuesAt(at.length - 1)
        .map((each) => `${each.text} ${each.value === null ? t.overview.noValue : t.number(each.value)}`)
        .join(", ");
    const point = (event: PointerEvent) => {
        const box = frame.current?.getBoundingClientRect();
        if (!box) return;
        const share = (event.clientX - box.left - scale.left) / (width - right - scale.left);
        pointed.value = from + Math.max(0, Math.min(1, share)) * spanMs;
    };
    const isEmpty = at.length < 2;
    return (
        <figure class="chart" ref={frame}>
            <svg
                width={width}
                height={height}
                role="img"
                aria-label={`${text}: ${isEmpty ? t.overview.soon : latest}`}
                onPointerMove={point}
                onPointerLeave={() => (pointed.value = undefined)}
            >
                <Frame of={scale} ticks={ticks} />
                {!isEmpty &&
                    minutesIn(from, to).map((each) => (
                        <Moment key={each} x={x(each)} text={hourAndMinute(each)} of={scale} />
                    ))}
                {isEmpty && (
                    <text class="axis" x={(scale.left + width) / 2} y={height / 2 - 8} text-anchor="middle">
                        {t.overview.soon}
                    </text>
                )}
                {series.map((each) => (
                    <path key={each.text} class={`line ${each.tone}`} d={lineOf(each.values, at, gapMs, x, scale.y)} />
                ))}
                {pointed.value !== undefined && !isEmpty && (
                    <line
                        class="pointer"
                        x1={x(at[nearest] ?? 0)}
                        x2={x(at[nearest] ?? 0)}
                        y1={top}
                        y2={height - bottom}
                    />
                )}
            </svg>
            <Legend series={valuesAt(nearest)} at={isEmpty ? "" : clock(at[nearest] ?? 0)} />
        </figure>
    );
}

function lineOf(
    values: (number | null)[],
    at: number[],
    gapMs: number,
    x: (moment: number) => number,
    y: (value: number) => number,
): string {
    let out = "";
    let before: number | undefined; // the moment of the value before
    values.forEach((value, i) => {
        const moment = at[i] ?? 0;
        if (value === null) {
            before = undefined;
            return;
        }
        const isJoined = before !== undefined && moment - before <= gapMs;
        const place = `${x(moment).toFixed(1)} ${y(value).toFixed(1)}`;
        out += isJoined ? `L${place}` : `M${place}h.01`; // what stands alone is a dot
        before = moment;
    });
    return out;
}

/** A bar for each hour, the last one that of now. */
export function HourBars({ values, lastHour, text }: { values: number[]; lastHour: number; text: string }) {
    const frame = useRef<HTMLElement>(null);
    const width = useWidth(frame);
    const hourMs = 3_600_000;
    const most = Math.max(0, ...values);
    const total = values.reduce((sum, each) => sum + each, 0);
    const ticks = ticksFor(most, true);
    const scale = scaleOf(ticks, width);
    const step = (width - right - scale.left) / values.length;
    const hourOf = (i: number) => lastHour - (values.length - 1 - i) * hourMs;
    const labels: Children[] = [];
    const each = step * 4 > 44 ? 4 : 8; // hours between two labels
    values.forEach((_, i) => {
        if (new Date(hourOf(i)).getHours() % each === 0)
            labels.push(
                <Moment key={i} x={scale.left + step * (i + 0.5)} text={hourAndMinute(hourOf(i))} of={scale} />,
            );
    });
    return (
        <figure class="chart" ref={frame}>
            <svg width={width} height={height} role="img" aria-label={t.overview.bars(text, total, most)}>
                <Frame of={scale} ticks={ticks} />
                {labels}
                {total === 0 && (
                    <text class="axis" x={(scale.left + width) / 2} y={height / 2 - 8} text-anchor="middle">
                        {t.overview.noLockouts}
                    </text>
                )}
                {values.map((value, i) => (
                    <g key={i} class="bar-box">
                        <rect
                            class="bar-room"
                            x={scale.left + step * i}
                            width={step}
                            y={top}
                            height={height - top - bottom}
                        />
                        {value > 0 && (
                            <rect
                                class="bar bad"
                                x={scale.left + step * i + Math.min(3, step / 6)}
                                width={Math.max(1, step - 2 * Math.min(3, step / 6))}
                                y={Math.min(scale.y(value), height - bottom - 2)}
                                height={Math.max(2, height - bottom - scale.y(value))}
                                rx="2"
                            />
                        )}
                        <title>
                            {t.overview.hour(hourAndMinute(hourOf(i)), hourAndMinute(hourOf(i) + hourMs), value)}
                        </title>
                    </g>
                ))}
            </svg>
        </figure>
    );
}
