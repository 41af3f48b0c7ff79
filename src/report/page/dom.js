// Elements, numbers and times as people read them.

// element('p', {class: 'x', onclick: f}, 'text', child, ...)
function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    setAttributes(made, attributes || {});
    made.append(...children.filter((child) =>
        child !== null && child !== undefined && child !== ''));
    return made;
}

function drawn(tag, attributes, ...children) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
    setAttributes(made, attributes);
    made.append(...children);
    return made;
}

function setAttributes(made, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) {
            continue;
        }
        if (name.startsWith('on')) {
            made.addEventListener(name.slice(2), value);
        } else if (name.startsWith('--')) {
            made.style.setProperty(name, value);
        } else {
            made.setAttribute(name, value === true ? '' : value);
        }
    }
}

// Shows a section; gives where its contents go.
function openSection(id) {
    const section = document.getElementById(id);
    section.hidden = false;
    return section.querySelector('.body');
}

function number(count) {
    return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');
}

function plural(count, one, many) {
    return number(count) + '\u00a0' + (count === 1 ? one : many || one + 's');
}

function seconds(us) {
    const s = us / 1e6;
    if (us === 0) {
        return '0 s';
    }
    if (us < 1000) {
        return us + '\u00a0µs';
    }
    if (s < 1) {
        return (us / 1000).toPrecision(3).replace(/\.0+$/, '') + '\u00a0ms';
    }
    if (s < 100) {
        return s.toFixed(s < 10 ? 2 : 1) + '\u00a0s';
    }
    const whole = Math.round(s);
    const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60,
        whole % 60];
    if (parts[0] > 0) {
        return parts[0] + '\u00a0h ' + parts[1] + '\u00a0min';
    }
    return parts[1] + '\u00a0min ' + parts[2] + '\u00a0s';
}

function bytesOf(kib) {
    if (kib < 1024) {
        return kib + '\u00a0KiB';
    }
    const mib = kib / 1024;
    return mib < 1024 ? mib.toFixed(0) + '\u00a0MiB'
        : (mib / 1024).toFixed(1) + '\u00a0GiB';
}

function percent(part, whole) {
    const share = whole > 0 ? part / whole * 100 : 0;
    if (share > 0 && share < 1) {
        return '<\u20091\u00a0%';
    }
    if (share > 99 && share < 100) {
        return '>\u200999\u00a0%';
    }
    return Math.round(share) + '\u00a0%';
}

function when(ms) {
    return new Date(ms).toLocaleString(undefined,
        {dateStyle: 'medium', timeStyle: 'short'});
}

// A state as a sign and, unless it is named nearby, its word.
function badge(state, options) {
    const known = STATES[state];
    const word = options && options.label ? options.label : known.label;
    const sign = options && options.glyph ? options.glyph : known.glyph;
    const kind = options && options.kind ? options.kind : className(state);
    return element('span', {class: 'badge ' + kind},
        element('span', {class: 'sign', 'aria-hidden': 'true'}, sign), word);
}

// The name of a test, of which its class matters less.
function testName(test) {
    const name = element('span', {class: 'name'});
    if (test.within) {
        name.append(element('span', {class: 'of'}, softened(test.job + '.')));
    }
    name.append(element('b', {}, softened(test.name)));
    return name;
}

// Long names may break where they have parts.
function softened(text) {
    return text.replace(/([./:])(?=\w)/g, '$1\u200b');
}

function say(text) {
    document.getElementById('live').textContent = text;
}

async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch (problem) {
        const area = element('textarea', {class: 'unseen'});
        area.value = text;
        document.body.append(area);
        area.select();
        const done = document.execCommand('copy');
        area.remove();
        return done;
    }
}

function command(text) {
    const button = element('button', {type: 'button', class: 'copy'}, 'Copy');
    button.setAttribute('aria-label', 'Copy the command');
    button.addEventListener('click', async () => {
        const done = await copyText(text);
        button.textContent = done ? 'Copied' : 'Press Ctrl+C';
        say(done ? 'Copied' : 'Could not be copied');
        setTimeout(() => {
            button.textContent = 'Copy';
        }, 1600);
    });
    return element('div', {class: 'command'}, element('code', {}, text),
        button);
}
