// A table of many rows: sorted by its headings, a page of rows at a time.

const PAGE_ROWS = 50;

/*
 * columns: {title, key (test => value to sort by), view (row => node or text),
 * class, first: 'down' where the largest come first}. Gives {box, set(rows)}.
 */
function makeTable(caption, columns, sortedBy, onRow) {
    const body = element('tbody');
    const heads = columns.map((column, at) => element('th', {scope: 'col',
        class: column.class}, column.key ? element('button', {type: 'button',
        onclick: () => sort(at)}, column.title) : column.title));
    const table = element('table', {},
        element('caption', {class: 'unseen'}, caption),
        element('thead', {}, element('tr', {}, ...heads)), body);
    const place = element('span', {role: 'status'});
    const back = element('button', {type: 'button',
        onclick: () => turn(-1)}, 'Previous');
    const on = element('button', {type: 'button', onclick: () => turn(1)},
        'Next');
    const pager = element('p', {class: 'pager'}, back, place, on);
    const box = element('div', {class: 'table'},
        element('div', {class: 'scroll', tabindex: '0', role: 'region',
            'aria-label': caption}, table), pager);
    const state = {rows: [], page: 0, column: sortedBy,
        down: columns[sortedBy].first === 'down'};

    function compare(a, b) {
        const key = columns[state.column].key;
        const left = key(a);
        const right = key(b);
        const order = left < right ? -1 : left > right ? 1 : 0;
        return state.down ? -order : order;
    }

    function sort(at) {
        if (state.column === at) {
            state.down = !state.down;
        } else {
            state.column = at;
            state.down = columns[at].first === 'down';
        }
        set(state.rows);
    }

    function turn(by) {
        state.page += by;
        draw();
        table.scrollIntoView({block: 'nearest'});
    }

    function draw() {
        const from = state.page * PAGE_ROWS;
        const rows = state.rows.slice(from, from + PAGE_ROWS);
        body.replaceChildren(...rows.map((row) => element('tr', {},
            ...columns.map((column, at) => element(
                column.heading ? 'th' : 'td',
                {class: column.class, scope: column.heading ? 'row' : null,
                    'data-label': at > 0 ? column.title : null},
                column.view(row, onRow))))));
        if (rows.length === 0) {
            body.append(element('tr', {}, element('td', {class: 'none',
                colspan: String(columns.length)}, 'Nothing matches.')));
        }
        place.textContent = rows.length === 0 ? 'none'
            : number(from + 1) + '–' + number(from + rows.length) + ' of ' +
            number(state.rows.length);
        back.disabled = state.page === 0;
        on.disabled = from + PAGE_ROWS >= state.rows.length;
        pager.hidden = state.rows.length <= PAGE_ROWS;
    }

    function set(rows) {
        state.rows = rows.slice().sort(compare);
        state.page = 0;
        heads.forEach((head, at) => {
            if (at === state.column) {
                head.setAttribute('aria-sort',
                    state.down ? 'descending' : 'ascending');
            } else {
                head.removeAttribute('aria-sort');
            }
        });
        draw();
    }

    return {box, set};
}

// Whether a text has all words; each may be anywhere in it.
function matches(text, words) {
    return words.every((word) => text.includes(word));
}

function searchField(label, onWords) {
    const field = element('input', {type: 'search', placeholder: label,
        'aria-label': label, spellcheck: 'false', autocomplete: 'off'});
    let waiting = 0;
    field.addEventListener('input', () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => onWords(wordsOf(field.value)), 120);
    });
    return field;
}

function wordsOf(text) {
    return text.toLowerCase().split(/\s+/).filter(Boolean);
}
