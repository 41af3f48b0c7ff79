// Small charts: the past of a test, the slowest, workers, builds.

// The durations of a test in past builds, and now; null: nothing is known.
function sparkline(model, test) {
    const past = model.pasts[test.place];
    if (!past || past.length === 0) {
        return null;
    }
    const points = past.map(([us, state, flaky]) =>
        ({us, bad: STATES[state].bad, flaky: flaky === 1}));
    points.push({us: test.us, bad: STATES[test.state].bad, flaky: test.flaky});
    const width = 110;
    const height = 22;
    const most = Math.max(...points.map((point) => point.us), 1);
    const bad = points.filter((point) => point.bad).length;
    const x = (at) => 4 + at * (width - 8) / Math.max(points.length - 1, 1);
    const y = (us) => height - 4 - us / most * (height - 8);
    const label = 'Last ' + points.length + ' builds: up to ' +
        seconds(most) + ', ' + (bad > 0 ? 'bad in ' + bad : 'never bad');
    const picture = drawn('svg', {class: 'spark', width, height, role: 'img',
        'aria-label': label, viewBox: '0 0 ' + width + ' ' + height},
    drawn('title', {}, label),
    drawn('polyline', {points: points.map((point, at) =>
        x(at).toFixed(1) + ',' + y(point.us).toFixed(1)).join(' ')}));
    points.forEach((point, at) => {
        if (point.bad || point.flaky) {
            const [cx, cy] = [x(at), y(point.us)];
            picture.append(drawn('path', {
                class: point.bad ? 'bad' : 'flaky',
                d: 'M' + (cx - 2.5) + ' ' + (cy - 2.5) + 'l5 5m0 -5l-5 5'}));
        }
    });
    const last = points.length - 1;
    picture.append(drawn('circle', {cx: x(last), cy: y(points[last].us),
        r: 2.2}));
    return picture;
}

function bar(share, kind) {
    return element('span', {class: 'meter ' + (kind || ''), 'aria-hidden':
        'true'}, element('span', {'--share': String(share)}));
}

function showSlowest(model, onTest) {
    const SHOWN = 20;
    const slowest = model.tests.filter((test) => test.us > 0)
        .sort((a, b) => b.us - a.us).slice(0, SHOWN);
    if (slowest.length === 0) {
        return;
    }
    const box = openSection('slowest');
    const known = slowest.some((test) => model.pasts[test.place]);
    const heads = ['Test', 'Time', known ? 'Past' : null, 'Of the run'];
    box.append(element('div', {class: 'scroll'}, element('table', {},
        element('caption', {class: 'unseen'}, 'The slowest tests'),
        element('thead', {}, element('tr', {}, ...heads.filter(Boolean)
            .map((title) => element('th', {scope: 'col',
                class: title === 'Time' ? 'figure' : null}, title)))),
        element('tbody', {}, ...slowest.map((test) => element('tr', {},
            element('th', {scope: 'row', class: 'wide'},
                element('button', {type: 'button', class: 'name-button',
                    onclick: () => onTest(test)}, testName(test)),
                STATES[test.state].bad ? badge(test.state) : null),
            element('td', {class: 'figure'}, seconds(test.us)),
            known ? element('td', {}, sparkline(model, test)) : null,
            element('td', {class: 'of-run'}, bar(test.us / model.us),
                ' ' + percent(test.us, model.us))))))));
}

// Lanes as one row for each worker where there are many, else for each slot.
function balanceRows(model) {
    if (model.lanes.length <= 32) {
        return model.lanes.map((lane) => ({
            name: 'slot ' + lane.slot, worker: lane.worker, slots: 1,
            tests: lane.tests, busy: lane.busy_us}));
    }
    const rows = new Map();
    for (const lane of model.lanes) {
        const key = lane.worker || '';
        const row = rows.get(key) || {name: key || 'this machine', slots: 0,
            tests: 0, busy: 0};
        row.slots++;
        row.tests += lane.tests;
        row.busy += lane.busy_us;
        rows.set(key, row);
    }
    return [...rows.values()];
}

function spanOfTests(model) {
    const from = model.whole && model.stints.length > 0
        ? Math.min(...[model.stints[0].began]) : model.run.collected_us || 0;
    return Math.max(model.us - from, 1);
}

function showWorkers(model) {
    const rows = balanceRows(model);
    if (rows.length === 0) {
        return;
    }
    const box = openSection('workers');
    const span = spanOfTests(model);
    const busy = rows.reduce((sum, row) => sum + row.busy, 0);
    const named = rows.some((row) => row.worker);
    const wide = rows.some((row) => row.slots > 1);
    box.append(element('p', {class: 'lead'},
        element('b', {}, percent(busy, span * model.lanes.length) + ' busy'),
        ' while tests ran: ' + seconds(busy) + ' of work on ' +
        plural(model.lanes.length, 'slot') + '.'));
    const columns = [
        {title: wide ? 'Worker' : 'Slot', heading: true, key: (row) =>
            rows.indexOf(row), view: (row) => row.name},
        named ? {title: 'Worker', key: (row) => row.worker || '',
            view: (row) => row.worker || 'this machine'} : null,
        wide ? {title: 'Slots', class: 'figure', first: 'down',
            key: (row) => row.slots, view: (row) => number(row.slots)} : null,
        {title: 'Tests', class: 'figure', first: 'down',
            key: (row) => row.tests, view: (row) => number(row.tests)},
        {title: 'Busy', class: 'figure', first: 'down',
            key: (row) => row.busy, view: (row) => seconds(row.busy)},
        {title: 'Share', class: 'of-run', first: 'down',
            key: (row) => row.busy / row.slots, view: (row) =>
                element('span', {}, bar(row.busy / row.slots / span), ' ' +
                    percent(row.busy, span * row.slots))},
    ].filter(Boolean);
    const table = makeTable('Workers', columns, 0);
    box.append(table.box);
    table.set(rows);
    showFleet(model, box);
}

function showFleet(model, box) {
    if (model.workers.length === 0) {
        return;
    }
    box.append(element('details', {class: 'output'},
        element('summary', {}, 'Workers that came and went'),
        element('ul', {class: 'log'}, ...model.workers.map((worker) =>
            element('li', {}, element('time', {}, seconds(worker.us)), ' ',
                element('b', {}, worker.worker || ''), ' ' + worker.what,
                worker.host ? ' on ' + worker.host : null,
                worker.slots ? ', ' + plural(worker.slots, 'slot') : null,
                worker.took_us && worker.what === 'joined' ? ', ready after ' +
                    seconds(worker.took_us) : null,
                worker.text ? ': ' + worker.text : null)))));
}

function showHistory(model) {
    if (model.builds.length === 0) {
        return;
    }
    const box = openSection('history');
    const now = {id: model.run.build, wall_ms: model.run.wall_ms,
        us: model.end.us, selected: model.tally.selected,
        bad: countBad(model), flaky: model.tally.flaky || 0, now: true};
    const builds = [...model.builds, now];
    const most = Math.max(...builds.map((build) => build.us), 1);
    box.append(element('div', {class: 'builds', role: 'img', 'aria-label':
        'Durations of the last ' + builds.length + ' builds'},
    ...builds.map((build) => element('span', {
        class: (build.bad > 0 ? 'is-failed' : 'is-passed') +
            (build.now ? ' now' : ''),
        title: buildTitle(build), '--share': String(build.us / most)},
    element('i', {}, build.bad > 0 ? '✕' : build.flaky > 0 ? '↻' : '')))));
    const table = makeTable('Builds', [
        {title: 'Build', heading: true, key: (build) => build.wall_ms,
            first: 'down', view: (build) => build.id +
                (build.now ? ' (this one)' : '')},
        {title: 'When', key: (build) => build.wall_ms, first: 'down',
            view: (build) => when(build.wall_ms)},
        {title: 'Took', class: 'figure', first: 'down',
            key: (build) => build.us, view: (build) => seconds(build.us)},
        {title: 'Tests', class: 'figure', first: 'down',
            key: (build) => build.selected,
            view: (build) => number(build.selected)},
        {title: 'Bad', class: 'figure', first: 'down',
            key: (build) => build.bad, view: (build) => build.bad > 0
                ? element('b', {class: 'bad'}, '✕ ' + number(build.bad))
                : '0'},
        {title: 'Flaky', class: 'figure', first: 'down',
            key: (build) => build.flaky || 0,
            view: (build) => number(build.flaky || 0)},
    ], 0);
    const details = element('details', {class: 'output'},
        element('summary', {}, 'As a table'), table.box);
    box.append(details);
    table.set(builds);
}

function buildTitle(build) {
    return build.id + ': ' + seconds(build.us) + ', ' +
        plural(build.selected, 'test') + ', ' + number(build.bad) + ' bad';
}
