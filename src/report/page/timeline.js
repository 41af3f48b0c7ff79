// The timeline: what of it is seen, and how mouse and keyboard move that.

const TALLEST = 440; // pixels of lanes; more scroll

const KEYS = 'Arrow keys go from test to test, + and − zoom, Shift and an ' +
    'arrow moves, Enter shows the test, 0 the whole run.';

/* onTest(test) is called when somebody wants to see one. */
function showTimeline(model, onTest) {
    if (model.lanes.length === 0) {
        return null;
    }
    const line = {
        model,
        onTest,
        layout: layOut(model),
        from: 0,
        to: model.us,
        picked: null,
        hovered: null,
        row: null,
        pending: false,
    };
    buildTimeline(line, openSection('timeline'));
    line.overview = overviewOf(model, line.layout, 240);
    listen(line);
    refreshColours(line);
    return line;
}

function buildTimeline(line, box) {
    const button = (text, label, onclick) => element('button',
        {type: 'button', 'aria-label': label, title: label, onclick}, text);
    const height = Math.min(line.layout.height, TALLEST);
    line.head = element('canvas', {class: 'head', 'aria-hidden': 'true'});
    line.canvas = element('canvas', {class: 'lanes', tabindex: '0',
        role: 'application', 'aria-label': 'Timeline of ' +
            plural(line.model.lanes.length, 'slot'),
        'aria-describedby': 'timeline-keys'});
    line.scroller = element('div', {class: 'scroller', tabindex: '-1',
        '--height': height + 'px'}, line.canvas,
    element('div', {'--height': (line.layout.height - height) + 'px',
        class: 'spacer'}));
    line.tip = element('div', {class: 'tip', role: 'presentation',
        hidden: true});
    line.range = element('span', {class: 'range', role: 'status'});
    line.frame = element('div', {class: 'frame'}, line.head, line.scroller,
        line.tip);
    line.height = height;
    box.append(
        element('div', {class: 'tools'},
            element('div', {class: 'buttons', role: 'group',
                'aria-label': 'What is shown'},
            button('−', 'Zoom out', () => zoom(line, 2)),
            button('+', 'Zoom in', () => zoom(line, 0.5)),
            button('←', 'Earlier', () => pan(line, -0.25)),
            button('→', 'Later', () => pan(line, 0.25)),
            button('All', 'The whole run', () => show(line, 0,
                line.model.us))),
            line.range, legendOf(line.model)),
        line.frame,
        element('p', {class: 'quiet', id: 'timeline-keys'},
            'Drag moves, Ctrl and the wheel zoom, a double click zooms in. ' +
            KEYS));
}

function legendOf(model) {
    const list = element('ul', {class: 'legend', 'aria-label': 'Legend'});
    for (const [state] of countStates(model)) {
        list.append(element('li', {}, element('span', {class: 'swatch ' +
            className(state) + (STATES[state].bad ? ' striped' : '')}),
        STATES[state].label));
    }
    if (model.stints.length > 0) {
        list.append(element('li', {}, element('span',
            {class: 'swatch is-stint'}), 'its job, outside of tests'));
    }
    return list;
}

function refreshColours(line) {
    line.colours = readColours();
    line.patterns = makePatterns(line.canvas.getContext('2d'), line.colours);
    redraw(line);
}

function redraw(line) {
    if (!line.pending) {
        line.pending = true;
        requestAnimationFrame(() => {
            line.pending = false;
            paint(line);
        });
    }
}

function paint(line) {
    const width = line.scroller.clientWidth;
    const span = Math.max(width - GUTTER, 50);
    const view = {
        ...line, width, span, us: line.model.us, cellUs: line.model.cellUs,
        lanes: line.model.lanes.length,
        x: (us) => GUTTER + (us - line.from) / (line.to - line.from) * span,
    };
    line.span = span;
    const head = fitCanvas(line.head, width, OVERVIEW + AXIS);
    drawOverview(head, view);
    drawAxis(head, view, OVERVIEW);
    const pen = fitCanvas(line.canvas, width, line.height);
    drawLanes(pen, view, line.layout, line.scroller.scrollTop, line.height);
    line.range.textContent = line.from <= 0 && line.to >= line.model.us
        ? 'the whole run, ' + seconds(line.model.us)
        : seconds(Math.round(line.from)) + ' to ' +
            seconds(Math.round(line.to));
}

// Shows that stretch, or the nearest there is.
function show(line, from, to) {
    const least = Math.min(20, line.model.us);
    const width = Math.min(Math.max(to - from, least), line.model.us);
    const start = Math.min(Math.max(from, 0), line.model.us - width);
    line.from = start;
    line.to = start + width;
    redraw(line);
}

function zoom(line, factor, at) {
    const middle = at === undefined ? (line.from + line.to) / 2 : at;
    show(line, middle - (middle - line.from) * factor,
        middle + (line.to - middle) * factor);
}

function pan(line, share) {
    const by = (line.to - line.from) * share;
    show(line, line.from + by, line.to + by);
}

function timeAt(line, x) {
    return line.from + (x - GUTTER) / line.span * (line.to - line.from);
}

// What is under the pointer: {row, slice, stint, us}.
function underneath(line, event) {
    const box = line.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const row = rowAt(line.layout,
        event.clientY - box.top + line.scroller.scrollTop);
    if (!row || !row.lane || x < GUTTER) {
        return {row: null};
    }
    const us = timeAt(line, x);
    const slack = (line.to - line.from) / line.span * 2;
    const near = (list) => {
        const found = list.slice(firstAfter(list, us - slack),
            firstAfter(list, us - slack) + 50)
            .filter((slice) => slice.began <= us + slack);
        return found.find((slice) => slice.state &&
            STATES[slice.state].bad) || found.find((slice) =>
            slice.began <= us && us <= slice.began + slice.us) || found[0];
    };
    return {row, us, slice: near(row.slices), stint: near(row.stints)};
}

function describe(line, found) {
    const lines = element('div');
    const {slice, stint, row} = found;
    if (slice && slice.test) {
        lines.append(badge(slice.state), testName(slice.test),
            element('p', {}, seconds(slice.us) + ', began at ' +
                seconds(slice.began) + ', ' +
                laneName(line.model, row.lane.place) +
                (slice.tried ? ', tried again later' : '')));
        return lines;
    }
    if (stint) {
        lines.append(element('b', {}, softened(stint.name)),
            element('p', {}, plural(stint.items, 'test') + ' in ' +
                seconds(stint.us) + (stint.expect ? ', expected ' +
                seconds(stint.expect) : '')));
        return lines;
    }
    const at = Math.floor(found.us / line.model.cellUs);
    const state = row.lane.worst && row.lane.worst[at];
    if (state && state !== '-') {
        lines.append(badge(state), element('p', {},
            percent(LEVELS.get(row.lane.busy[at]), 1) + ' busy from ' +
            seconds(at * line.model.cellUs) + ' for ' +
            seconds(line.model.cellUs)));
        return lines;
    }
    return null;
}

function showTip(line, event) {
    const found = underneath(line, event);
    const text = found.row ? describe(line, found) : null;
    const slice = found.slice || null;
    if (slice !== line.hovered) {
        line.hovered = slice;
        redraw(line);
    }
    line.tip.hidden = text === null;
    if (text !== null) {
        const frame = line.frame.getBoundingClientRect();
        line.tip.replaceChildren(text);
        const room = frame.width - line.tip.offsetWidth - 4;
        const x = Math.min(event.clientX - frame.left + 14, room);
        line.tip.style.left = Math.max(x, 0) + 'px';
        line.tip.style.top = (event.clientY - frame.top + 18) + 'px';
    }
}

function listen(line) {
    const {canvas, head, scroller} = line;
    canvas.addEventListener('keydown', (event) => onKey(line, event));
    canvas.addEventListener('pointerleave', () => hideTip(line));
    scroller.addEventListener('scroll', () => redraw(line));
    scroller.addEventListener('wheel', (event) => onWheel(line, event),
        {passive: false});
    new ResizeObserver(() => redraw(line)).observe(scroller);
    listenToPointer(line);
    head.addEventListener('pointerdown', (event) => {
        head.setPointerCapture(event.pointerId);
        centre(line, event);
    });
    head.addEventListener('pointermove', (event) => {
        if (event.buttons === 1) {
            centre(line, event);
        }
    });
}

function hideTip(line) {
    line.tip.hidden = true;
    line.hovered = null;
    redraw(line);
}

// Moves what is shown to where the overview is pointed at.
function centre(line, event) {
    const x = event.clientX - line.head.getBoundingClientRect().left - GUTTER;
    const middle = x / line.span * line.model.us;
    const half = (line.to - line.from) / 2;
    show(line, middle - half, middle + half);
}

function listenToPointer(line) {
    const {canvas} = line;
    let drag = null;
    canvas.addEventListener('pointerdown', (event) => {
        drag = {x: event.clientX, from: line.from, moved: false};
        canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
        if (!drag) {
            showTip(line, event);
            return;
        }
        const by = event.clientX - drag.x;
        drag.moved = drag.moved || Math.abs(by) > 4;
        if (drag.moved) {
            const width = line.to - line.from;
            const from = drag.from - by / line.span * width;
            line.tip.hidden = true;
            show(line, from, from + width);
        }
    });
    canvas.addEventListener('pointerup', (event) => {
        const clicked = drag && !drag.moved;
        drag = null;
        const found = clicked ? underneath(line, event) : {};
        if (found.slice) {
            pick(line, found.row, found.slice, false);
            line.onTest(found.slice.test);
        }
    });
    canvas.addEventListener('dblclick', (event) => {
        const box = canvas.getBoundingClientRect();
        zoom(line, 0.4, timeAt(line, event.clientX - box.left));
    });
}

function onWheel(line, event) {
    const box = line.canvas.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        zoom(line, Math.exp(event.deltaY * 0.003),
            timeAt(line, event.clientX - box.left));
    } else if (event.shiftKey || Math.abs(event.deltaX) > 0) {
        event.preventDefault();
        pan(line, (event.deltaX || event.deltaY) / line.span);
    }
}

// Selects a slice, brings it into view and says what it is.
function pick(line, row, slice, move) {
    line.row = row;
    line.picked = slice;
    if (move) {
        const end = slice.began + slice.us;
        const width = line.to - line.from;
        if (slice.began < line.from || end > line.to) {
            const middle = (slice.began + Math.min(end, slice.began + width)) /
                2;
            show(line, middle - width / 2, middle + width / 2);
        }
        const top = line.scroller.scrollTop;
        if (row.y < top || row.y + row.height > top + line.height) {
            line.scroller.scrollTop = row.y - line.height / 2;
        }
        say(slice.test.id + ', ' + STATES[slice.state].label + ', ' +
            seconds(slice.us) + ', ' + laneName(line.model, row.lane.place));
    }
    redraw(line);
}

// The next slice on the lane, or the nearest on the next lane that has any.
function step(line, along, across) {
    const lanes = line.layout.lanes.filter((row) => row.slices.length > 0);
    if (lanes.length === 0) {
        return;
    }
    if (!line.picked) {
        pick(line, lanes[0], lanes[0].slices[Math.min(
            firstAfter(lanes[0].slices, line.from),
            lanes[0].slices.length - 1)], true);
        return;
    }
    const row = lanes[Math.min(Math.max(lanes.indexOf(line.row) + across, 0),
        lanes.length - 1)];
    let at = row === line.row ? row.slices.indexOf(line.picked) + along
        : firstAfter(row.slices, line.picked.began);
    at = Math.min(Math.max(at, 0), row.slices.length - 1);
    pick(line, row, row.slices[at], true);
}

function onKey(line, event) {
    const keys = {
        ArrowLeft: () => event.shiftKey ? pan(line, -0.25) : step(line, -1, 0),
        ArrowRight: () => event.shiftKey ? pan(line, 0.25) : step(line, 1, 0),
        ArrowUp: () => step(line, 0, -1),
        ArrowDown: () => step(line, 0, 1),
        '+': () => zoom(line, 0.5, middleOf(line)),
        '=': () => zoom(line, 0.5, middleOf(line)),
        '-': () => zoom(line, 2, middleOf(line)),
        0: () => show(line, 0, line.model.us),
        Enter: () => line.picked && line.onTest(line.picked.test),
        Escape: () => {
            line.picked = null;
            redraw(line);
        },
    };
    if (keys[event.key] && !event.ctrlKey && !event.metaKey &&
        !event.altKey) {
        event.preventDefault();
        keys[event.key]();
    }
}

function middleOf(line) {
    const {picked} = line;
    return picked && picked.began >= line.from && picked.began <= line.to
        ? picked.began + picked.us / 2 : undefined;
}
