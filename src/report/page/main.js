// Puts the page together.

function main() {
    const model = readModel();
    let table = null;
    let reveal = null;
    const onTest = (test) => {
        if (test && !reveal(test)) {
            table.onlyTest(test);
        }
    };
    showVerdict(model);
    showTotals(model, (state) => table.onlyState(state));
    showCallouts(model);
    reveal = showFailures(model);
    const line = showTimeline(model, onTest);
    table = showTests(model, onTest);
    showGroups(model);
    showSlowest(model, onTest);
    showWorkers(model);
    showHistory(model);
    showNotes(model);
    showBuild(model);
    showNav();
    const recolour = () => line && refreshColours(line);
    readyTheme(recolour);
    addEventListener('beforeprint', () => {
        document.documentElement.classList.add('print');
        if (line) {
            line.colours = readColours();
            line.patterns = makePatterns(line.canvas.getContext('2d'),
                line.colours);
            paint(line);
        }
    });
    addEventListener('afterprint', () => {
        document.documentElement.classList.remove('print');
        recolour();
    });
}

main();
