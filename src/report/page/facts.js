// What was noted while it ran, and what build this is.

const LEVELS_OF_NOTES = {
    info: {label: 'note', glyph: 'i', kind: 'is-note'},
    warning: {label: 'warning', glyph: '!', kind: 'is-warning'},
    error: {label: 'error', glyph: '✕', kind: 'is-failed'},
    stop: {label: 'stopped', glyph: '■', kind: 'is-warning'},
};

function showNotes(model) {
    const lines = [];
    for (const note of model.notes) {
        const text = note.level === 'stop'
            ? STOPS[note.reason] + (note.text ? ' ' + note.text : '')
            : note.text;
        lines.push([note.us, badge('p', LEVELS_OF_NOTES[note.level]),
            element('div', {}, text || '', note.hint ? element('div',
                {class: 'remark'}, note.hint) : null)]);
    }
    for (const leak of model.leaks) {
        lines.push([leak.us, badge('p', {label: 'leak', glyph: '!',
            kind: 'is-warning'}), element('div', {}, 'Process ' + leak.pid +
            ' outlived ' + (leak.id || leak.job || 'its job') +
            ' and was ended: ', element('code', {}, leak.command || ''))]);
    }
    for (const script of model.scripts) {
        const kind = script.ok ? {label: 'script', glyph: '✓',
            kind: 'is-note'} : {label: 'script', glyph: '✕',
            kind: 'is-failed'};
        lines.push([script.us, badge('p', kind), element('div', {},
            script.name + ' of ' + script.workspace + ', ' +
            seconds(script.took_us) + (script.problem ? ': ' +
            script.problem : ''), block('What it printed', script.out,
                !script.ok))]);
    }
    if (lines.length === 0) {
        return;
    }
    const box = openSection('notes');
    setCount('notes', lines.length);
    lines.sort((a, b) => a[0] - b[0]);
    box.append(element('ul', {class: 'notes'}, ...lines.map(
        ([us, kind, text]) => element('li', {},
            element('time', {}, seconds(us)), kind, text))));
    if (model.leftOut.notes) {
        box.append(element('p', {class: 'quiet'},
            number(model.leftOut.notes) + ' more are not shown.'));
    }
}

function showBuild(model) {
    const run = model.run;
    const end = model.end;
    const facts = [
        ['Command', run.command && command(run.command)],
        ['Build', run.build],
        ['Reruns what is left of', run.parent],
        ['Folder', run.cwd],
        ['Machine', run.hostname],
        ['Began', run.wall_ms && when(run.wall_ms)],
        ['Took', seconds(end.us)],
        ['Exit status', end.exit_status !== undefined
            ? String(end.exit_status) : null],
        ['Collecting', run.collected_us && seconds(run.collected_us) + ', ' +
            plural(run.items, 'test') + ' in ' + plural(run.jobs, 'job') +
            (run.excluded ? ', ' + number(run.excluded) + ' not selected'
                : '')],
        ['Preparing', run.prepared_us && seconds(run.prepared_us)],
        ['Processor time', end.user_us !== undefined &&
            seconds(end.user_us + end.system_us) + ' (' +
            seconds(end.user_us) + ' user, ' + seconds(end.system_us) +
            ' system)'],
        ['Largest process', end.maxrss_kib && bytesOf(end.maxrss_kib)],
        ['Isolation', run.isolation],
        ['Order', run.order && run.order + (run.seed ? ', seed ' + run.seed
            : '')],
        ['Shard', run.shard],
        ['Selection', run.selection],
        ['Durations', run.durations],
        ['Python', run.python],
        ['Hash seed', run.hash_seed],
        ['mule', run.version],
    ];
    const list = element('dl', {class: 'facts-list'});
    for (const [name, value] of facts) {
        if (value) {
            list.append(element('div', {}, element('dt', {}, name),
                element('dd', {}, value)));
        }
    }
    openSection('build').append(list);
    document.getElementById('footer').textContent = 'Written by mule ' +
        (run.version || '') + '. This page needs no network and holds all ' +
        'that it shows.';
}
