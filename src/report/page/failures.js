// What ended badly, in full; what is flaky; what is quarantined.

const AT_ONCE = 50; // entries that are drawn at a time

function block(title, output, open) {
    if (!output) {
        return null;
    }
    const text = element('pre', {tabindex: '0', 'aria-label': title},
        output.cut ? output.head : output.head.trimEnd());
    if (output.cut) {
        text.append(element('span', {class: 'cut'},
            '\n… ' + number(output.cut) + ' bytes left out …\n'),
        output.tail || '');
    }
    return element('details', {class: 'output', open},
        element('summary', {}, title), text);
}

function findingView(finding) {
    const view = element('div', {class: 'finding'});
    const where = [finding.sub, finding.where !== 'test' && finding.where]
        .filter(Boolean).join(' · ');
    if (where) {
        view.append(element('p', {class: 'where'}, where));
    }
    const message = messageOf(finding);
    if (finding.type || message) {
        view.append(element('p', {class: 'message'},
            finding.type ? element('b', {}, finding.type) : null,
            finding.type && message ? ': ' : null, message));
    }
    if (finding.file) {
        view.append(element('p', {class: 'place'}, softened(finding.file) +
            (finding.line ? ':' + finding.line : '')));
    }
    if (finding.trace) {
        view.append(element('pre', {tabindex: '0', 'aria-label': 'Traceback'},
            finding.trace.trimEnd()));
    }
    return view;
}

// Its first line where the traceback has the others, as it has in Python.
function messageOf(finding) {
    const message = (finding.message || '').trimEnd();
    const lines = message.split('\n');
    return lines.length > 1 && (finding.trace || '').includes(message)
        ? lines[0] : message;
}

function outcomeView(detail) {
    const view = element('div', {class: 'outcome'});
    if (detail.reason) {
        view.append(element('p', {class: 'message'}, detail.reason));
    }
    for (const finding of detail.findings || []) {
        view.append(findingView(finding));
    }
    if (detail.more_findings) {
        view.append(element('p', {class: 'quiet'},
            plural(detail.more_findings, 'more finding') + ' not shown.'));
    }
    const streams = [block('Standard output', detail.out, true),
        block('Standard error', detail.err, true)];
    view.append(...streams.filter(Boolean));
    return view;
}

function factsOf(model, test) {
    const facts = [];
    if (test.lane >= 0) {
        facts.push(laneName(model, test.lane));
        facts.push('began at ' + seconds(test.began));
    }
    if (test.file) {
        facts.push(softened(test.file) + (test.line ? ':' + test.line : ''));
    }
    if (test.tries > 1) {
        facts.push(plural(test.tries, 'try', 'tries'));
    }
    return facts;
}

function bodyOf(model, test) {
    const body = element('div', {class: 'inside'});
    const facts = element('p', {class: 'facts'});
    factsOf(model, test).forEach((fact) =>
        facts.append(element('span', {}, fact)));
    const past = sparkline(model, test);
    if (past) {
        facts.append(past);
    }
    body.append(facts);
    test.attempts.forEach((attempt, at) => {
        body.append(element('h4', {}, 'Try ' + (at + 1) + ' ',
            badge(attempt.state), ' after ' + seconds(attempt.us)),
        outcomeView(attempt.detail));
    });
    if (test.attempts.length > 0) {
        body.append(element('h4', {}, 'Try ' + test.tries + ' ',
            badge(test.state), ' after ' + seconds(test.us)));
    }
    body.append(outcomeView(test.detail));
    if (STATES[test.state].bad && !test.detail.findings &&
        model.leftOut.details) {
        body.append(element('p', {class: 'quiet'}, 'What it printed is not ' +
            'in this page, which holds that of the first failures only.'));
    }
    if (test.detail.rerun) {
        body.append(command(test.detail.rerun));
    }
    return body;
}

function headline(test) {
    const finding = (test.detail.findings || [])[0] || {};
    const text = finding.message || test.detail.reason || finding.type || '';
    return text.split('\n')[0];
}

function entryView(model, test, open) {
    const entry = element('details', {class: 'entry ' + className(test.state),
        id: 'test-' + test.place});
    const line = headline(test);
    entry.append(element('summary', {},
        badge(test.state),
        test.flaky ? badge('p', {label: 'flaky', glyph: '↻',
            kind: 'is-flaky'}) : null,
        test.quarantined ? badge('p', {label: 'quarantined', glyph: '⊘',
            kind: 'is-quarantined'}) : null,
        testName(test),
        element('span', {class: 'time'}, seconds(test.us)),
        line ? element('span', {class: 'headline'}, line) : null));
    let filled = false;
    const fill = () => {
        if (!filled) {
            filled = true;
            entry.append(bodyOf(model, test));
        }
    };
    entry.addEventListener('toggle', fill);
    if (open) {
        entry.open = true;
        fill();
    }
    return entry;
}

// A list that grows when it is asked to. Gives what shows one of its tests.
function showEntries(model, box, tests, openFirst) {
    const list = element('div', {class: 'entries'});
    const more = element('button', {type: 'button', class: 'more'});
    let shown = 0;
    const grow = (to) => {
        for (; shown < tests.length && shown < to; shown++) {
            list.append(entryView(model, tests[shown], shown < openFirst));
        }
        more.hidden = shown >= tests.length;
        more.textContent = 'Show ' + number(Math.min(AT_ONCE,
            tests.length - shown)) + ' more of ' +
            number(tests.length - shown);
    };
    more.addEventListener('click', () => grow(shown + AT_ONCE));
    grow(AT_ONCE);
    box.append(list, more);
    return (test) => {
        const place = tests.indexOf(test);
        if (place < 0) {
            return false;
        }
        grow(place + 1);
        const entry = list.children[place];
        entry.open = true;
        entry.querySelector('summary').focus({preventScroll: true});
        entry.scrollIntoView({block: 'start'});
        return true;
    };
}

// Gives a function that shows one test, or gives false: it is not there.
function showFailures(model) {
    const reveal = [];
    const tally = model.tally;
    if (model.failures.length > 0 || countBad(model) > 0) {
        const box = openSection('failures');
        const all = countBad(model) - (tally.quarantined || 0);
        setCount('failures', all);
        if (all > model.failures.length) {
            box.append(element('p', {class: 'quiet'}, 'The first ' +
                number(model.failures.length) + ' of ' + number(all) + '.'));
        }
        if (model.failures.length > 1) {
            box.append(foldButtons(box));
        }
        reveal.push(showEntries(model, box, model.failures,
            model.failures.length <= 3 ? 3 : 1));
    }
    const others = model.tests.filter((test) =>
        test.flaky || (test.quarantined && STATES[test.state].bad));
    if (others.length > 0) {
        const box = openSection('flaky');
        setCount('flaky', others.length);
        box.append(element('p', {class: 'quiet'}, 'Flaky tests failed and ' +
            'then passed. Quarantined ones ran and do not decide the ' +
            'verdict.'));
        reveal.push(showEntries(model, box, others, 0));
    }
    return (test) => reveal.some((show) => show(test));
}

function foldButtons(box) {
    const turn = (open) => {
        for (const entry of box.querySelectorAll('.entry')) {
            entry.open = open;
        }
    };
    return element('p', {class: 'tools'},
        element('button', {type: 'button', onclick: () => turn(true)},
            'Open all'),
        element('button', {type: 'button', onclick: () => turn(false)},
            'Close all'));
}

function setCount(id, count) {
    document.getElementById(id + '-title').append(' ',
        element('span', {class: 'count'}, number(count)));
}
