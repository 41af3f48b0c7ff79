// What the page is about: the JSON that was written into it, made handy.

const STATES = {
    f: {name: 'failed', label: 'failed', glyph: '✕', bad: true},
    e: {name: 'error', label: 'error', glyph: '!', bad: true},
    t: {name: 'timeout', label: 'timed out', glyph: '◷', bad: true},
    c: {name: 'crashed', label: 'crashed', glyph: '↯', bad: true},
    l: {name: 'lost', label: 'lost', glyph: '?', bad: true},
    u: {name: 'xpassed', label: 'unexpected success', glyph: '≠', bad: true},
    x: {name: 'xfailed', label: 'expected failure', glyph: '≈', bad: false},
    s: {name: 'skipped', label: 'skipped', glyph: '–', bad: false},
    n: {name: 'not run', label: 'not run', glyph: '·', bad: false},
    p: {name: 'passed', label: 'passed', glyph: '✓', bad: false},
};
const ORDER = 'fetcluxsnp'; // of importance

const DIGITS =
    '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-';
const LEVELS = new Map([...DIGITS].map((digit, at) => [digit, at / 63]));

function className(state) {
    return 'is-' + STATES[state].name.replace(' ', '-');
}

function readTests(columns) {
    const tests = [];
    for (let i = 0; i < columns.id.length; i++) {
        const job = columns.jobs[columns.job[i]];
        const short = columns.id[i];
        const within = short.startsWith('.') && job !== '';
        tests.push({
            place: i,
            id: within ? job + short : short,
            job,
            name: within ? short.slice(1) : short,
            within,
            file: columns.files[columns.file[i]],
            line: columns.line[i],
            lane: columns.lane[i] - 1,
            process: columns.process[i],
            began: columns.began[i],
            us: columns.us[i],
            tries: columns.tries[i],
            item: columns.item[i],
            state: columns.state[i],
            flaky: (Number(columns.flags[i]) & 1) !== 0,
            quarantined: (Number(columns.flags[i]) & 2) !== 0,
            detail: columns.detail[i] || {},
            attempts: [],
        });
    }
    return tests;
}

function readAttempts(list, tests) {
    const places = new Map();
    if (list.length > 0) {
        tests.forEach((test) => places.set(test.item, test));
    }
    const attempts = [];
    for (const told of list) {
        const test = places.get(told.item);
        const attempt = {
            lane: told.lane - 1,
            began: told.began,
            us: told.us,
            state: told.state,
            detail: told.detail || {},
            test,
        };
        if (test) {
            test.attempts.push(attempt);
        }
        attempts.push(attempt);
    }
    return attempts;
}

function readModel() {
    const data = JSON.parse(document.getElementById('data').textContent);
    const tests = readTests(data.tests);
    const model = {
        run: data.run,
        end: data.end,
        tally: data.tally,
        notes: data.notes,
        scripts: data.scripts,
        workers: data.workers,
        leaks: data.leaks,
        lanes: data.lanes.map((lane, place) => ({...lane, place})),
        cellUs: data.cell_us,
        tests,
        attempts: readAttempts(data.attempts, tests),
        stints: data.stints.map((told) => ({
            name: told[0], lane: told[1], began: told[2], us: told[3],
            items: told[4], expect: told[5], cpu: told[6], rss: told[7],
            process: told[8],
        })),
        stintsSeen: data.stints_seen,
        groups: data.groups.map((told) => ({
            name: told[0] || '(all others)', merged: told[1] === 1,
            tests: told[2], us: told[3], longest: told[4], passed: told[5],
            bad: told[6], skipped: told[7], other: told[8],
        })),
        leftOut: data.left_out,
        builds: data.history.builds || [],
        pasts: data.history.tests || {},
    };
    model.us = Math.max(model.end.us, 1);
    model.whole = model.groups.length === 0;
    model.bad = tests.filter((test) => STATES[test.state].bad)
        .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
            a.began - b.began);
    model.failures = model.bad.filter((test) => !test.quarantined);
    model.flaky = tests.filter((test) => test.flaky);
    model.quarantined = tests.filter((test) => test.quarantined);
    return model;
}

// How many tests ended in each state, by letter, the important ones first.
function countStates(model) {
    return [...ORDER].map((state) =>
        [state, model.tally.states[STATES[state].name] || 0])
        .filter(([, count]) => count > 0);
}

function countBad(model) {
    return countStates(model).filter(([state]) => STATES[state].bad)
        .reduce((sum, [, count]) => sum + count, 0);
}

function laneName(model, place) {
    const lane = model.lanes[place];
    if (!lane) {
        return 'no slot';
    }
    return 'slot ' + lane.slot + (lane.worker ? ' of ' + lane.worker : '');
}
