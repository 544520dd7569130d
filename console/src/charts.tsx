// Small charts, drawn as they are needed. What they show is also there as text.

import { t } from "./en";
import { clock } from "./time";

export interface Series {
    text: string;
    tone: string;
    values: number[];
}

const width = 480;
const height = 150;
const left = 44;
const bottom = 18;
const top = 6;

/** The next round number: 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
    if (value <= 0) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return ([1, 2, 5, 10].find((each) => each * power >= value) ?? 10) * power;
}

function Frame({ most, unit }: { most: number; unit: string }) {
    const y = (share: number) => top + (height - top - bottom) * (1 - share);
    return (
        <>
            {[0, 0.5, 1].map((share) => (
                <g key={share}>
                    <line class="grid-line" x1={left} x2={width} y1={y(share)} y2={y(share)} />
                    <text class="axis" x={left - 6} y={y(share) + 4} text-anchor="end">
                        {t.number(most * share)}
                        {unit}
                    </text>
                </g>
            ))}
        </>
    );
}

export function Lines({ series, at, unit, text }: { series: Series[]; at: number[]; unit: string; text: string }) {
    const most = roundUp(Math.max(...series.flatMap((each) => each.values), 0));
    const count = Math.max(2, at.length);
    const x = (i: number) => left + ((width - left) * i) / (count - 1);
    const y = (value: number) => top + (height - top - bottom) * (1 - value / most);
    const latest = series
        .map((each) => `${each.text} ${t.number(each.values[each.values.length - 1] ?? 0)}${unit}`)
        .join(", ");
    return (
        <figure class="chart">
            <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${text}: ${latest}`}>
                <Frame most={most} unit={unit} />
                {at.length > 0 && (
                    <>
                        <text class="axis" x={left} y={height - 3}>
                            {clock(at[0] ?? 0)}
                        </text>
                        <text class="axis" x={width} y={height - 3} text-anchor="end">
                            {clock(at[at.length - 1] ?? 0)}
                        </text>
                    </>
                )}
                {series.map((each) => (
                    <polyline
                        key={each.text}
                        class={`line ${each.tone}`}
                        points={each.values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ")}
                    />
                ))}
            </svg>
            <figcaption>
                {series.map((each) => (
                    <span key={each.text} class={`legend ${each.tone}`}>
                        <i aria-hidden="true" />
                        {each.text}{" "}
                        <b>
                            {t.number(each.values[each.values.length - 1] ?? 0)}
                            {unit}
                        </b>
                    </span>
                ))}
            </figcaption>
        </figure>
    );
}

export function Bars({
    values,
    label,
    text,
    tone = "bad",
}: {
    values: number[];
    label: (i: number) => number;
    text: string;
    tone?: string;
}) {
    const most = roundUp(Math.max(...values, 0));
    const step = (width - left) / values.length;
    const total = values.reduce((sum, each) => sum + each, 0);
    return (
        <figure class="chart">
            <svg
                viewBox={`0 0 ${width} ${height}`}
                role="img"
                aria-label={t.overview.bars(text, total, Math.max(...values, 0))}
            >
                <Frame most={most} unit="" />
                {values.map((value, i) => {
                    const size = ((height - top - bottom) * value) / most;
                    return (
                        <rect
                            key={i}
                            class={`bar ${tone}`}
                            x={left + step * i + 2}
                            width={Math.max(1, step - 4)}
                            y={height - bottom - size}
                            height={size}
                            rx="2"
                        >
                            <title>{`${clock(label(i)).slice(0, 5)}: ${t.number(value)}`}</title>
                        </rect>
                    );
                })}
                <text class="axis" x={left} y={height - 3}>
                    {clock(label(0)).slice(0, 5)}
                </text>
                <text class="axis" x={width} y={height - 3} text-anchor="end">
                    {clock(label(values.length - 1)).slice(0, 5)}
                </text>
            </svg>
        </figure>
    );
}
