"""Finding goods although people cannot spell."""


def distance(first, second):
    """How many letters have to change to make one word of the other."""
    row = list(range(len(second) + 1))
    for place, letter in enumerate(first, 1):
        before, row[0] = row[0], place
        for other, candidate in enumerate(second, 1):
            before, row[other] = row[other], min(
                row[other] + 1, row[other - 1] + 1,
                before + (letter != candidate))
    return row[-1]


def nearest(word, words):
    """The word that was probably meant."""
    return min(words, key=lambda candidate: distance(word, candidate))
