// The table of tests, with its search and its filters; that of jobs.

function testColumns(model) {
    const columns = [
        {title: 'State', class: 'state',
            key: (test) => ORDER.indexOf(test.state) * 2 - (test.flaky ? 1 : 0),
            view: (test) => test.flaky ? badge('p', {label: 'flaky',
                glyph: '↻', kind: 'is-flaky'}) : badge(test.state)},
        {title: 'Test', class: 'wide', heading: true, key: (test) => test.id,
            view: testCell},
        {title: 'Time', class: 'figure', first: 'down', key: (test) => test.us,
            view: (test) => seconds(test.us)},
        {title: 'Began', class: 'figure less', key: (test) => test.began,
            view: (test) => test.lane >= 0 ? seconds(test.began) : '–'},
        {title: 'Slot', class: 'figure less', key: (test) => test.lane,
            view: (test) => test.lane >= 0
                ? String(model.lanes[test.lane].slot) : '–'},
    ];
    if (model.tests.some((test) => test.tries > 1)) {
        columns.push({title: 'Tries', class: 'figure less', first: 'down',
            key: (test) => test.tries, view: (test) => String(test.tries)});
    }
    return columns;
}

function testCell(test, onRow) {
    const cell = element('div', {});
    if (STATES[test.state].bad || test.flaky) {
        cell.append(element('button', {type: 'button', class: 'name-button',
            onclick: () => onRow(test)}, testName(test)));
    } else {
        cell.append(testName(test));
    }
    const line = headline(test);
    if (line) {
        cell.append(element('div', {class: 'remark'}, line));
    }
    return cell;
}

/* Gives {onlyState(letter), onlyTest(test)}: what others ask of the table. */
function showTests(model, onRow) {
    const box = openSection('tests');
    if (!model.whole) {
        document.getElementById('tests-title').textContent = 'Tests of note';
    }
    setCount('tests', model.tests.length);
    const filter = {words: [], states: new Set(), flaky: false};
    const texts = model.tests.map((test) =>
        (test.id + ' ' + test.file).toLowerCase());
    const table = makeTable('Tests', testColumns(model), 0, onRow);
    const field = searchField('Search names and files   /', (words) => {
        filter.words = words;
        update();
    });
    const chips = element('div', {class: 'chips', role: 'group',
        'aria-label': 'Show only'});
    const buttons = new Map();
    for (const [state] of countStates(model)) {
        const count = model.tests.filter((test) => test.state === state)
            .length;
        if (count > 0) {
            buttons.set(state, chip(STATES[state].label, className(state),
                STATES[state].glyph, count, () => flip(state)));
        }
    }
    const flaky = model.flaky.length > 0 ? chip('flaky', 'is-flaky', '↻',
        model.flaky.length, () => {
            filter.flaky = !filter.flaky;
            update();
        }) : null;
    chips.append(...buttons.values(), ...(flaky ? [flaky] : []));
    box.append(element('div', {class: 'tools'}, field, chips), table.box);

    function flip(state) {
        filter.states[filter.states.has(state) ? 'delete' : 'add'](state);
        update();
    }

    function update() {
        for (const [state, button] of buttons) {
            button.setAttribute('aria-pressed',
                String(filter.states.has(state)));
        }
        if (flaky) {
            flaky.setAttribute('aria-pressed', String(filter.flaky));
        }
        const any = filter.states.size === 0 && !filter.flaky;
        table.set(model.tests.filter((test, at) =>
            (any || filter.states.has(test.state) ||
                (filter.flaky && test.flaky)) &&
            matches(texts[at], filter.words)));
    }

    document.addEventListener('keydown', (event) => {
        const busy = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
        if (event.key === '/' && !busy && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            field.focus();
        }
    });
    update();
    return {
        onlyState(state) {
            filter.states = new Set([state]);
            filter.flaky = false;
            update();
            goTo('tests');
        },
        onlyTest(test) {
            field.value = test.id;
            filter.words = wordsOf(test.id);
            filter.states.clear();
            filter.flaky = false;
            update();
            goTo('tests');
        },
    };
}

function goTo(id) {
    const section = document.getElementById(id);
    section.scrollIntoView({block: 'start'});
    const title = section.querySelector('h2');
    title.setAttribute('tabindex', '-1');
    title.focus({preventScroll: true});
}

function chip(label, kind, sign, count, onclick) {
    return element('button', {type: 'button', class: 'chip ' + kind,
        'aria-pressed': 'false', onclick},
    element('span', {class: 'sign', 'aria-hidden': 'true'}, sign),
    label + ' ', element('span', {class: 'count'}, number(count)));
}

// Where there are too many tests to name: what is known of each job.
function showGroups(model) {
    if (model.whole) {
        return;
    }
    const box = openSection('groups');
    const merged = model.groups.some((group) => group.merged);
    const figure = (title, key, view) => ({title, class: 'figure' +
        (title === 'Mean' || title === 'Skipped' ? ' less' : ''), first: 'down', key, view: view || ((group) => number(key(group)))});
    const table = makeTable('Tests by job', [
        {title: 'Job', class: 'wide', heading: true,
            key: (group) => group.name,
            view: (group) => softened(group.name) +
                (group.merged ? ' …' : '')},
        figure('Tests', (group) => group.tests),
        figure('Bad', (group) => group.bad, (group) => group.bad > 0
            ? element('b', {class: 'bad'}, '✕ ' + number(group.bad)) : '0'),
        figure('Skipped', (group) => group.skipped),
        figure('Time in all', (group) => group.us,
            (group) => seconds(group.us)),
        figure('Mean', (group) => group.us / group.tests,
            (group) => seconds(Math.round(group.us / group.tests))),
        figure('Longest', (group) => group.longest,
            (group) => seconds(group.longest)),
    ], 4);
    const texts = new Map(model.groups.map((group) =>
        [group, group.name.toLowerCase()]));
    const field = searchField('Search jobs', (words) =>
        table.set(model.groups.filter((group) =>
            matches(texts.get(group), words))));
    setCount('groups', model.groups.length);
    box.append(element('div', {class: 'tools'}, field, merged
        ? element('span', {class: 'quiet'}, 'A name that ends in … stands ' +
            'for all jobs that begin with it.') : null), table.box);
    table.set(model.groups);
}
