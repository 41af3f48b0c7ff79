// Draws lanes, the axis of time and the overview on canvases.

const GUTTER = 92; // for names of lanes
const AXIS = 22;
const OVERVIEW = 44;

function readColours() {
    const style = getComputedStyle(document.documentElement);
    const names = ['ink', 'muted', 'line', 'surface', 'quiet', 'accent',
        'passed', 'failed', 'error', 'skipped', 'timeout', 'crashed', 'lost',
        'xpassed', 'xfailed', 'not-run', 'stint', 'area', 'fill-passed',
        'fill-xfailed', 'sunk'];
    return Object.fromEntries(names.map((name) =>
        [name, style.getPropertyValue('--' + name).trim()]));
}

function colourOf(colours, state) {
    const name = STATES[state].name.replace(' ', '-');
    return colours['fill-' + name] || colours[name];
}

// Stripes: what ended badly is told by more than its colour.
function makePatterns(context, colours) {
    const patterns = {};
    for (const [state, known] of Object.entries(STATES)) {
        if (!known.bad) {
            continue;
        }
        const tile = document.createElement('canvas');
        tile.width = 6;
        tile.height = 6;
        const pen = tile.getContext('2d');
        pen.fillStyle = colourOf(colours, state);
        pen.fillRect(0, 0, 6, 6);
        pen.strokeStyle = colours.surface;
        pen.globalAlpha = 0.55;
        pen.lineWidth = 1.4;
        pen.beginPath();
        for (const shift of [-6, 0, 6]) {
            pen.moveTo(shift, 6);
            pen.lineTo(shift + 6, 0);
        }
        pen.stroke();
        patterns[state] = context.createPattern(tile, 'repeat');
    }
    return patterns;
}

// Gives the canvas so many pixels as the screen has for it.
function fitCanvas(canvas, width, height) {
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = width + 'px';
    canvas.style.height = height + 'px';
    const context = canvas.getContext('2d');
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    return context;
}

// Round steps of time: 1, 2 or 5 times a power of ten, or of minutes.
function tickStep(us, room) {
    const wanted = us / Math.max(room, 1);
    const steps = [];
    for (let power = 1; power <= 1e7; power *= 10) {
        steps.push(power, power * 2, power * 5);
    }
    steps.push(3e7, 6e7, 12e7, 3e8, 6e8, 12e8, 18e8, 36e8, 72e8, 144e8,
        432e8, 864e8);
    let step = steps.find((candidate) => candidate >= wanted);
    for (step = step || 864e8; step < wanted;) {
        step *= 2;
    }
    return step;
}

function tickLabel(us, step) {
    if (step >= 6e7) {
        return step >= 36e8 ? Math.round(us / 36e8) + ' h'
            : Math.round(us / 6e7) + ' min';
    }
    if (us === 0) {
        return '0';
    }
    if (step >= 1e6) {
        return (us / 1e6).toFixed(0) + ' s';
    }
    const places = Math.min(6, Math.ceil(6 - Math.log10(step)));
    return (us / 1e6).toFixed(places) + ' s';
}

function drawAxis(pen, view, top) {
    const {colours} = view;
    const step = tickStep(view.to - view.from, view.span / 80);
    pen.fillStyle = colours.muted;
    pen.strokeStyle = colours.line;
    pen.beginPath();
    for (let us = Math.ceil(view.from / step) * step; us <= view.to;
        us += step) {
        const x = Math.round(view.x(us)) + 0.5;
        pen.moveTo(x, top);
        pen.lineTo(x, top + 5);
        const label = tickLabel(us, step);
        if (x + 4 + pen.measureText(label).width < view.width) {
            pen.fillText(label, x + 4, top + AXIS / 2 + 1);
        }
    }
    pen.stroke();
}

// How many slots were busy over the whole run, and which part is shown.
function drawOverview(pen, view) {
    const {colours, overview} = view;
    const height = OVERVIEW - 8;
    const count = overview.busy.length;
    const most = Math.max(view.lanes, 1);
    const x = (at) => GUTTER + at / count * view.span;
    pen.fillStyle = colours.area;
    pen.beginPath();
    pen.moveTo(GUTTER, height);
    overview.busy.forEach((busy, at) => {
        const y = height - Math.min(busy / most, 1) * (height - 8);
        pen.lineTo(x(at), y);
        pen.lineTo(x(at + 1), y);
    });
    pen.lineTo(GUTTER + view.span, height);
    pen.fill();
    pen.fillStyle = colours.failed;
    overview.bad.forEach((bad, at) => {
        if (bad) {
            pen.beginPath();
            pen.moveTo(x(at) - 3, 0);
            pen.lineTo(x(at) + 3, 0);
            pen.lineTo(x(at), 6);
            pen.fill();
        }
    });
    pen.fillStyle = colours.muted;
    pen.fillText('busy slots', 0, height / 2 + 4);
    drawWindow(pen, view, height);
}

function drawWindow(pen, view, height) {
    const {colours} = view;
    const left = GUTTER + view.from / view.us * view.span;
    const right = GUTTER + view.to / view.us * view.span;
    pen.strokeStyle = colours.line;
    pen.strokeRect(GUTTER + 0.5, 0.5, view.span - 1, height);
    if (view.from <= 0 && view.to >= view.us) {
        return;
    }
    pen.globalAlpha = 0.6;
    pen.fillStyle = colours.surface;
    pen.fillRect(GUTTER, 0, left - GUTTER, height);
    pen.fillRect(right, 0, GUTTER + view.span - right, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 1.5;
    pen.strokeRect(left, 0.75, Math.max(right - left, 3), height - 0.5);
    pen.lineWidth = 1;
}

function drawLanes(pen, view, layout, scroll, height) {
    const {colours} = view;
    const step = tickStep(view.to - view.from, view.span / 80);
    pen.strokeStyle = colours.line;
    pen.beginPath();
    for (let us = Math.ceil(view.from / step) * step; us <= view.to;
        us += step) {
        const x = Math.round(view.x(us)) + 0.5;
        pen.moveTo(x, 0);
        pen.lineTo(x, height);
    }
    pen.stroke();
    drawBefore(pen, view, height);
    for (const row of layout.rows) {
        const y = row.y - scroll;
        if (y + row.height < 0) {
            continue;
        }
        if (y > height) {
            break;
        }
        if (row.worker) {
            drawHeading(pen, view, row, y);
        } else {
            drawLane(pen, view, row, y);
        }
    }
}

// The time before the first test, when the suite was loaded.
function drawBefore(pen, view, height) {
    const right = view.x(view.model.run.collected_at || 0);
    const left = Math.max(view.x(0), GUTTER);
    const label = 'collecting';
    if (right - left < pen.measureText(label).width + 12) {
        return;
    }
    pen.fillStyle = view.colours.sunk;
    pen.fillRect(left, 0, right - left, height);
    pen.fillStyle = view.colours.muted;
    pen.fillText(label, left + 6, Math.min(height / 2, 12));
}

function drawHeading(pen, view, row, y) {
    pen.fillStyle = view.colours.surface;
    pen.fillRect(0, y, view.width, row.height);
    pen.fillStyle = view.colours.ink;
    pen.font = '600 11px system-ui, sans-serif';
    pen.fillText(row.worker, 0, y + row.height / 2);
    pen.font = '11px system-ui, sans-serif';
}

function drawLane(pen, view, row, y) {
    const {colours} = view;
    const inner = Math.max(row.height - (row.height > 8 ? 4 : 1), 2);
    const top = y + (row.height - inner) / 2;
    if (row.height >= 14) {
        pen.fillStyle = colours.muted;
        pen.fillText('slot ' + row.lane.slot, 0, y + row.height / 2);
    }
    pen.save();
    pen.beginPath();
    pen.rect(GUTTER, y, view.span, row.height);
    pen.clip();
    if (row.lane.busy !== undefined) {
        drawCells(pen, view, row, top, inner);
    }
    drawStints(pen, view, row, top, inner);
    drawSlices(pen, view, row, top, inner);
    pen.restore();
}

// Stretches of time, where there are too many tests to draw each of them.
function drawCells(pen, view, row, top, height) {
    const each = view.cellUs;
    const first = Math.max(Math.floor(view.from / each), 0);
    const last = Math.min(Math.ceil(view.to / each), row.lane.busy.length);
    for (let at = first; at < last; at++) {
        const state = row.lane.worst[at];
        const level = LEVELS.get(row.lane.busy[at]);
        if (state === '-') {
            continue;
        }
        const left = view.x(at * each);
        const width = Math.max(view.x((at + 1) * each) - left, 0.5);
        const bad = STATES[state].bad;
        pen.globalAlpha = 0.25 + 0.75 * level;
        pen.fillStyle = colourOf(view.colours, bad ? 'p' : state);
        pen.fillRect(left, top, width, height);
        if (bad) {
            // As high as its share of the time, but always to be seen.
            const share = LEVELS.get(row.lane.bad[at]) / (level || 1);
            const part = Math.max(share * height, Math.min(4, height));
            pen.globalAlpha = 1;
            pen.fillStyle = view.patterns[state];
            pen.fillRect(left, top + height - part, Math.max(width, 1.5),
                part);
        }
    }
    pen.globalAlpha = 1;
}

function drawStints(pen, view, row, top, height) {
    pen.fillStyle = view.colours.stint;
    const first = firstAfter(row.stints, view.from);
    for (let i = first; i < row.stints.length; i++) {
        const stint = row.stints[i];
        if (stint.began > view.to) {
            break;
        }
        const left = view.x(stint.began);
        pen.fillRect(left, top,
            Math.max(view.x(stint.began + stint.us) - left, 1), height);
    }
}

function drawSlices(pen, view, row, top, height) {
    let painted = -1; // up to here, unless something bad comes
    const first = firstAfter(row.slices, view.from);
    for (let i = first; i < row.slices.length; i++) {
        const slice = row.slices[i];
        if (slice.began > view.to) {
            break;
        }
        const bad = STATES[slice.state].bad;
        const left = view.x(slice.began);
        const right = Math.max(view.x(slice.began + slice.us),
            left + (bad ? 2.5 : 1));
        const chosen = slice === view.picked || slice === view.hovered;
        if (!chosen && (right <= painted && !bad ||
            row.lane.busy !== undefined && right - left < 4)) {
            continue; // there, or in its stretch of time
        }
        drawSlice(pen, view, slice, {left, top, height,
            width: right - left});
        painted = Math.floor(right);
    }
}

function drawSlice(pen, view, slice, box) {
    const {colours} = view;
    const bad = STATES[slice.state].bad;
    const gap = box.width > 4 ? 1 : 0;
    const hollow = slice.state === 's' || slice.state === 'n';
    pen.fillStyle = bad ? view.patterns[slice.state]
        : colourOf(colours, slice.state);
    if (hollow) {
        pen.strokeStyle = colours.skipped;
        pen.strokeRect(box.left + 0.5, box.top + 0.5,
            Math.max(box.width - 1 - gap, 0.5), box.height - 1);
    } else {
        pen.fillRect(box.left, box.top, box.width - gap, box.height);
    }
    if (box.width > 44 && box.height >= 12 && slice.test) {
        drawName(pen, view, slice, box, hollow || bad);
    }
    if (slice === view.picked || slice === view.hovered) {
        pen.strokeStyle = colours.ink;
        pen.lineWidth = 2;
        pen.strokeRect(box.left + 1, box.top + 1,
            Math.max(box.width - 2, 2), box.height - 2);
        pen.lineWidth = 1;
    }
}

function drawName(pen, view, slice, box, boxed) {
    const {colours} = view;
    const left = Math.max(box.left, GUTTER) + 5;
    const room = box.left + box.width - 6 - left;
    const text = fitText(pen, slice.test.name, room);
    if (text === '') {
        return;
    }
    if (boxed) {
        pen.fillStyle = colours.surface;
        pen.fillRect(left - 3, box.top + 2,
            pen.measureText(text).width + 6, box.height - 4);
    }
    pen.fillStyle = colours.ink;
    pen.fillText(text, left, box.top + box.height / 2 + 0.5);
}

function fitText(pen, text, room) {
    if (pen.measureText(text).width <= room) {
        return text;
    }
    const each = pen.measureText(text).width / text.length;
    const count = Math.floor(room / each) - 1;
    return count >= 4 ? text.slice(0, count) + '…' : '';
}
