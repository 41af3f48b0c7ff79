// The top of the page: verdict, totals, what is missing; and the way around.

function verdictOf(model) {
    const bad = countBad(model) - (model.tally.quarantined || 0);
    const status = model.end.exit_status;
    if (model.end.cut) {
        return {word: 'Broken off', kind: 'is-error', sign: '!'};
    }
    if (bad > 0) {
        return {word: 'Failed', kind: 'is-failed', sign: '✕'};
    }
    if (model.end.stop) {
        return {word: 'Stopped', kind: 'is-error', sign: '!'};
    }
    if (model.tally.states['not run'] > (model.tally.excused || 0)) {
        return {word: 'Incomplete', kind: 'is-error', sign: '!'};
    }
    if (status !== undefined && status !== 0) {
        return {word: 'Not passed', kind: 'is-failed', sign: '✕'};
    }
    return {word: 'Passed', kind: 'is-passed', sign: '✓'};
}

const STOPS = {
    failures: 'It was stopped after that many failures.',
    asked: 'It was stopped by hand.',
    time: 'It was stopped: its time was over.',
    interrupted: 'It was interrupted.',
    broken: 'mule could not go on.',
    bailed: 'A program bailed out.',
};

function showVerdict(model) {
    const verdict = verdictOf(model);
    const bad = countBad(model) - (model.tally.quarantined || 0);
    const title = document.getElementById('verdict');
    title.className = verdict.kind;
    title.replaceChildren(
        element('span', {class: 'sign', 'aria-hidden': 'true'}, verdict.sign),
        verdict.word);
    document.title = verdict.word + ' · ' + (model.run.build || 'mule');
    document.getElementById('where').textContent =
        [shortFolder(model.run.cwd), model.run.build && 'build ' +
            model.run.build].filter(Boolean).join(' · ');

    const said = [];
    if (bad > 0) {
        said.push(number(bad) + ' of ' + plural(model.tally.selected, 'test') +
            ' did not pass');
    } else {
        said.push(plural(model.tally.selected, 'test'));
    }
    if (model.tally.states['not run'] > 0) {
        said.push(number(model.tally.states['not run']) + ' not run');
    }
    if (model.tally.flaky) {
        said.push(number(model.tally.flaky) + ' flaky');
    }
    if (model.tally.quarantined) {
        said.push(number(model.tally.quarantined) + ' quarantined');
    }
    const facts = [seconds(model.end.us),
        plural(model.lanes.length, 'slot'),
        model.run.wall_ms && when(model.run.wall_ms)].filter(Boolean);
    document.getElementById('summary').replaceChildren(
        element('b', {}, said.join(', ')), ' in ' + facts.join(' · '));
    const colours = {'is-passed': '2e7d6b', 'is-failed': 'c0341d',
        'is-error': 'a1570a'};
    document.getElementById('icon').href = 'data:image/svg+xml,' +
        encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" ' +
        'viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#' +
        colours[verdict.kind] + '"/></svg>');
}

function shortFolder(folder) {
    return folder ? folder.split('/').filter(Boolean).pop() || '/' : '';
}

function showTotals(model, onState) {
    const counts = countStates(model);
    const strip = document.getElementById('proportions');
    const list = document.getElementById('totals');
    strip.setAttribute('aria-label', counts.map(([state, count]) =>
        number(count) + ' ' + STATES[state].label).join(', '));
    for (const [state, count] of counts) {
        strip.append(element('span', {class: className(state),
            '--share': String(count)}));
        list.append(element('li', {}, element('button', {type: 'button',
            class: 'total ' + className(state),
            title: 'Show these in the table',
            onclick: () => onState(state)},
        element('span', {class: 'sign', 'aria-hidden': 'true'},
            STATES[state].glyph),
        element('b', {}, number(count)), ' ' + STATES[state].label)));
    }
}

function showCallouts(model) {
    const box = document.getElementById('callouts');
    const say = (text) => box.append(element('p', {class: 'callout'}, text));
    if (model.end.cut) {
        say('This run never came to its end: what follows is what was known ' +
            'when it broke off.');
    }
    if (model.end.stop) {
        const problem = model.notes.find((note) => note.level === 'stop');
        say(STOPS[model.end.stop] +
            (problem && problem.text ? ' ' + problem.text : ''));
    }
    for (const note of model.notes) {
        if (note.level === 'error') {
            say(note.text + '.' + (note.hint ? ' ' + note.hint + '.' : ''));
        }
    }
    if (model.run.shard) {
        say('This is shard ' + model.run.shard + ' of the selection' +
            (model.leftOut.elsewhere > 0 ? '; ' +
            plural(model.leftOut.elsewhere, 'test') + ' are left to others'
                : '') + '.');
    }
    if (model.end.outstanding > 0) {
        say(plural(model.end.outstanding, 'test') + ' of this chain of ' +
            'reruns still ' + (model.end.outstanding === 1 ? 'is' : 'are') +
            ' to pass.');
    }
    if (!model.whole) {
        say('A page cannot name ' + plural(model.tally.selected, 'test') +
            '. It names what ended badly, what is flaky and the slowest ' +
            'ones; the others are counted by job.');
    }
}

function showNav() {
    const nav = document.getElementById('nav');
    const list = element('ul');
    const links = new Map();
    for (const section of document.querySelectorAll('main > section')) {
        if (section.hidden) {
            continue;
        }
        const title = section.querySelector('h2');
        const link = element('a', {href: '#' + section.id},
            ...[...title.childNodes].map((node) => node.cloneNode(true)));
        links.set(section, link);
        list.append(element('li', {}, link));
    }
    nav.append(list);
    const shown = new Set();
    const observer = new IntersectionObserver((entries) => {
        for (const entry of entries) {
            shown[entry.isIntersecting ? 'add' : 'delete'](entry.target);
        }
        const first = [...links.keys()].find((section) => shown.has(section));
        for (const [section, link] of links) {
            if (section === first) {
                link.setAttribute('aria-current', 'true');
            } else {
                link.removeAttribute('aria-current');
            }
        }
    }, {rootMargin: '-60px 0px -50% 0px'});
    links.forEach((link, section) => observer.observe(section));
}

// Colours: what the system says, or what was chosen here.
function readyTheme(onChange) {
    const buttons = [...document.querySelectorAll('[data-theme]')];
    const choose = (theme) => {
        document.documentElement.classList.toggle('light', theme === 'light');
        document.documentElement.classList.toggle('dark', theme === 'dark');
        for (const button of buttons) {
            button.setAttribute('aria-pressed',
                String(button.dataset.theme === theme));
        }
        onChange();
    };
    for (const button of buttons) {
        button.addEventListener('click', () => {
            choose(button.dataset.theme);
            try {
                localStorage.setItem('mule-theme', button.dataset.theme);
            } catch (problem) {
                // A browser that keeps nothing for files: it is asked again.
            }
        });
    }
    try {
        const kept = localStorage.getItem('mule-theme');
        if (kept === 'light' || kept === 'dark') {
            choose(kept);
        }
    } catch (problem) {
        // Likewise.
    }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change',
        onChange);
}
