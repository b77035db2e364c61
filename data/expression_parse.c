/* expression_parse.c: formulas into terms: a precedence climber that knows where each word stood.
 */
#include "data/expression.h"

#include "kernel/decimal.h"
#include "kernel/memory.h"

#include <math.h>
#include <string.h>

enum { MOST_BYTES = 1 << 16, WORD_BYTES = 64 };

enum { END, NUMBER, NAME, TEXT, SIGN, BAD };

typedef struct token {
    int32_t kind;
    int32_t at;
    int32_t bytes;
} token;

typedef struct parser {
    const kn_formula *formula;
    const char *text;
    kn_arena *arena;
    kn_faults *faults;
    token now;
    int32_t depth;
    int32_t failed;
} parser;

// Operators between two values. ORDER: longer signs before those they begin with.
// clang-format off
static const struct {
    const char *sign;
    int32_t binds; // stronger ones with a higher number
    int32_t chains; // 0: a < b < c is refused
} operators[] = {
    { "||", 1, 1 }, { "&&", 2, 1 }, { "==", 3, 0 }, { "!=", 3, 0 },
    { "<=", 4, 0 }, { ">=", 4, 0 }, { "<", 4, 0 },  { ">", 4, 0 },
    { "+", 5, 1 },  { "-", 5, 1 },  { "**", 8, 1 }, { "*", 6, 1 },
    { "/", 6, 1 },  { "%", 6, 1 },
};
// What people write who come from elsewhere.
static const struct {
    const char *sign;
    const char *instead;
} foreign[] = {
    { "&", "'&&' is the and of conditions" },  { "|", "'||' is the or of conditions" },
    { "^", "powers are written a ** b" },      { "=", "'==' compares" },
    { "~", "'!' is the not of a condition" },  { "?", "write where(condition, a, b)" },
    { "and", "write '&&'" }, { "or", "write '||'" }, { "not", "write '!'" },
};
// clang-format on
enum { PREFIX_BINDS = 7, POWER_BINDS = 8 };

/* --- faults ----------------------------------------------------------------------------------- */

// Characters of UTF-8 among the first `bytes` bytes.
static int32_t characters(const char *text, int32_t bytes)
{
    int32_t count = 0;
    for (int32_t i = 0; i < bytes; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

// Where the word begins in its file if it stands there letter by letter, else NULL.
static const char *find_source(const kn_formula *f, int32_t *quoted)
{
    const kn_config_source *source = f->place.source;
    const char *at = source ? source->text : NULL;
    const char *end = at ? at + source->bytes : NULL;
    for (int32_t line = 1; at && line < f->place.line; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    for (int32_t column = 1; at && at < end && column < f->place.column; at++)
        column += at + 1 == end || (at[1] & 0xc0) != 0x80;
    if (!at || at >= end)
        return NULL;
    *quoted = *at == '"' || *at == '\'';
    const size_t bytes = strlen(f->text);
    at += *quoted;
    return (size_t)(end - at) >= bytes && !memcmp(at, f->text, bytes) ? at : NULL;
}

void kn_expression_fault(kn_faults *faults, int32_t code, const kn_formula *f, int32_t at,
                         int32_t bytes, const char *format, ...)
{
    char message[KAON_TEXT_MAX];
    kn_place place = f->place;
    int32_t quoted = 0;
    va_list arguments;
    if (!faults)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (find_source(f, &quoted)) {
        place.column += quoted + characters(f->text, at);
        place.length = characters(f->text + at, bytes);
        place.length = place.length ? place.length : 1;
        kn_fault_add(faults, code, place, "%s", message);
        return;
    }
    // Written in another way (over several lines, with escapes): say it with the formula itself.
    kn_fault_add(faults, code, place, "%s, in '%s' at character %d", message, f->text,
                 (int)characters(f->text, at) + 1);
}

KAON_PRINTF(4, 5)
static kn_term *refuse(parser *p, int32_t at, int32_t bytes, const char *format, ...)
{
    char message[KAON_TEXT_MAX];
    va_list arguments;
    if (p->failed)
        return NULL;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    p->failed = 1;
    kn_expression_fault(p->faults, KN_FAULT_FORMULA, p->formula, at, bytes, "%s", message);
    return NULL;
}

/* --- words ------------------------------------------------------------------------------------ */

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int32_t kn_expression_is_name(const char *text)
{
    if (!is_letter(*text))
        return 0;
    while (is_letter(*text) || is_digit(*text) || *text == '.')
        text++;
    return !*text;
}

static int32_t number_bytes(const char *at)
{
    const char *from = at;
    while (is_digit(*at) || *at == '_')
        at++;
    if (*at == '.')
        for (at++; is_digit(*at); at++)
            ;
    const int sign = *at && (at[1] == '+' || at[1] == '-');
    if ((*at == 'e' || *at == 'E') && is_digit(at[1 + sign]))
        for (at += 1 + sign; is_digit(*at); at++)
            ;
    return (int32_t)(at - from);
}

static int32_t sign_bytes(const char *at)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (!strncmp(at, operators[i].sign, strlen(operators[i].sign)))
            return (int32_t)strlen(operators[i].sign);
    return strchr("()[],:!", *at) ? 1 : 0;
}

static token next_token(const parser *p, int32_t at)
{
    const char *text = p->text;
    while (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')
        at++;
    const char c = text[at];
    token t = {.kind = BAD, .at = at, .bytes = 1};
    if (!c) {
        t.kind = END;
    } else if (is_digit(c) || (c == '.' && is_digit(text[at + 1]))) {
        t.kind = NUMBER;
        t.bytes = number_bytes(text + at);
    } else if (is_letter(c)) {
        t.kind = NAME;
        while (is_letter(text[at + t.bytes]) || is_digit(text[at + t.bytes]) ||
               text[at + t.bytes] == '.')
            t.bytes++;
    } else if (c == '`' || c == '\'' || c == '"') {
        const char *end = strchr(text + at + 1, c);
        t.kind = end ? c == '`' ? NAME : TEXT : BAD;
        t.bytes = end ? (int32_t)(end - text) - at + 1 : (int32_t)strlen(text + at);
    } else if (sign_bytes(text + at)) {
        t.kind = SIGN;
        t.bytes = sign_bytes(text + at);
    } else {
        while ((text[at + t.bytes] & 0xc0) == 0x80)
            t.bytes++;
    }
    return t;
}

static int is_word(const parser *p, token t, const char *word)
{
    return t.bytes == (int32_t)strlen(word) && !memcmp(p->text + t.at, word, (size_t)t.bytes);
}

static int is_sign(const parser *p, const char *sign)
{
    return p->now.kind == SIGN && is_word(p, p->now, sign);
}

static void advance(parser *p)
{
    p->now = next_token(p, p->now.at + p->now.bytes);
}

// What was found where something else should stand.
static kn_term *refuse_token(parser *p, const char *expected)
{
    const token t = p->now;
    const int32_t shown = t.bytes < WORD_BYTES ? t.bytes : WORD_BYTES;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (t.kind != END && t.kind != TEXT && is_word(p, t, foreign[i].sign))
            return refuse(p, t.at, t.bytes, "'%s' is no operator: %s", foreign[i].sign,
                          foreign[i].instead);
    if (t.kind == END)
        return refuse(p, t.at, 0, "the formula ends where %s should stand", expected);
    if (t.kind == BAD && strchr("`'\"", p->text[t.at]))
        return refuse(p, t.at, t.bytes, "the closing %c is missing", p->text[t.at]);
    return refuse(p, t.at, t.bytes, "'%.*s' stands where %s should", (int)shown, p->text + t.at,
                  expected);
}

static int expect(parser *p, const char *sign, const char *words)
{
    if (!p->failed && is_sign(p, sign)) {
        advance(p);
        return 1;
    }
    refuse_token(p, words);
    return 0;
}

/* --- terms ------------------------------------------------------------------------------------ */

static kn_term *term_new(parser *p, int32_t kind, int32_t at)
{
    kn_term *t = kn_arena_take(p->arena, sizeof *t);
    if (!t) {
        p->failed = 1;
        if (p->faults)
            p->faults->failed = 1;
        return NULL;
    }
    t->kind = kind;
    t->at = at;
    return t;
}

// Bytes from..to of the formula as a text of its own.
static const char *copy_text(parser *p, int32_t from, int32_t bytes, int32_t skip_blanks)
{
    char *text = kn_arena_take(p->arena, (size_t)bytes + 1);
    int32_t at = 0;
    for (int32_t i = 0; text && i < bytes; i++)
        if (!skip_blanks || (p->text[from + i] != ' ' && p->text[from + i] != '\t'))
            text[at++] = p->text[from + i];
    p->failed |= !text;
    if (!text && p->faults)
        p->faults->failed = 1;
    return text;
}

// A term reaches from its first word to the end of the last one read.
static kn_term *done(const parser *p, kn_term *t, int32_t end)
{
    if (!t || p->failed)
        return NULL;
    t->bytes = end - t->at;
    return t;
}

static kn_term *parse(parser *p, int32_t binds);

static int32_t end_of(const kn_term *t)
{
    return t ? t->at + t->bytes : 0;
}

static kn_term *parse_number(parser *p)
{
    char word[WORD_BYTES];
    const token t = p->now;
    kn_term *term = term_new(p, KN_TERM_NUMBER, t.at);
    if (!term)
        return NULL;
    const int fits = t.bytes < (int32_t)sizeof word - 1;
    // ".5" and "5." are numbers here, a digit before and after the point in decimal.h.
    snprintf(word, sizeof word, "%s%.*s", p->text[t.at] == '.' ? "0" : "", fits ? (int)t.bytes : 0,
             p->text + t.at);
    if (!fits || !kn_parse_double(word, &term->number) || is_letter(p->text[t.at + t.bytes]))
        return refuse(p, t.at, t.bytes, "'%.*s' is no number", fits ? (int)t.bytes : 20,
                      p->text + t.at);
    advance(p);
    return done(p, term, t.at + t.bytes);
}

static kn_term *parse_call(parser *p, token name)
{
    char word[WORD_BYTES];
    kn_term *term = term_new(p, KN_TERM_CALL, name.at);
    advance(p); // (
    while (term && !p->failed && !is_sign(p, ")")) {
        if (term->arg_count == KN_MOST_ARGS)
            return refuse(p, p->now.at, p->now.bytes, "no function takes more than %d arguments",
                          KN_MOST_ARGS);
        term->args[term->arg_count++] = parse(p, 0);
        if (!p->failed && !is_sign(p, ")") && !expect(p, ",", "',' or ')'"))
            return NULL;
    }
    const int32_t end = p->now.at + 1;
    if (!expect(p, ")", "')'"))
        return NULL;
    snprintf(word, sizeof word, "%.*s", (int)name.bytes, p->text + name.at);
    term->text = copy_text(p, name.at, name.bytes, 0);
    term->does = kn_function_find(word, 0, term->arg_count);
    return done(p, term, end);
}

static kn_term *parse_name(parser *p)
{
    const token t = p->now;
    const int32_t quoted = p->text[t.at] == '`';
    advance(p);
    if (!quoted && is_sign(p, "("))
        return parse_call(p, t);
    kn_term *term = term_new(p, KN_TERM_NAME, t.at);
    if (term)
        term->text = copy_text(p, t.at + quoted, t.bytes - 2 * quoted, 0);
    return done(p, term, t.at + t.bytes);
}

static kn_term *parse_text(parser *p)
{
    const token t = p->now;
    kn_term *term = term_new(p, KN_TERM_TEXT, t.at);
    if (term)
        term->text = copy_text(p, t.at + 1, t.bytes - 2, 0);
    advance(p);
    return done(p, term, t.at + t.bytes);
}

static kn_term *parse_prefix(parser *p)
{
    const token t = p->now;
    kn_term *term = term_new(p, KN_TERM_CALL, t.at);
    advance(p);
    kn_term *of = parse(p, PREFIX_BINDS);
    if (!term || !of)
        return NULL;
    if (p->text[t.at] == '+')
        return of;
    term->text = p->text[t.at] == '!' ? "!" : "-";
    term->does = kn_function_find(term->text, 1, 1);
    term->args[term->arg_count++] = of;
    return done(p, term, end_of(of));
}

static kn_term *parse_first(parser *p)
{
    if (p->now.kind == NUMBER)
        return parse_number(p);
    for (size_t i = 0; p->now.kind == NAME && i < sizeof foreign / sizeof *foreign; i++)
        if (is_word(p, p->now, "not"))
            return refuse_token(p, "a value");
    if (p->now.kind == NAME)
        return parse_name(p);
    if (p->now.kind == TEXT)
        return parse_text(p);
    if (is_sign(p, "-") || is_sign(p, "+") || is_sign(p, "!"))
        return parse_prefix(p);
    if (!is_sign(p, "("))
        return refuse_token(p, "a value");
    const int32_t at = p->now.at;
    advance(p);
    kn_term *inner = parse(p, 0);
    const int32_t end = p->now.at + 1;
    if (!inner || !expect(p, ")", "')'"))
        return NULL;
    inner->at = at; // the brackets belong to what a fault underlines
    return done(p, inner, end);
}

// A bound of a slice: a whole number, or nothing.
static int parse_bound(parser *p, int64_t *out)
{
    const int32_t negative = is_sign(p, "-");
    const token sign = p->now;
    if (negative)
        advance(p);
    if (p->now.kind != NUMBER) {
        if (negative)
            refuse_token(p, "a whole number");
        return 0;
    }
    const kn_term *number = parse_number(p);
    if (!number)
        return 0;
    if (number->number != floor(number->number) || fabs(number->number) > 1e9) {
        refuse(p, sign.at, end_of(number) - sign.at, "the ends of a slice are whole numbers");
        return 0;
    }
    *out = (int64_t)number->number * (negative ? -1 : 1);
    return 1;
}

// 1 if a ':' comes before the ']' that closes this bracket.
static int is_slice(const parser *p)
{
    parser look = *p;
    for (int32_t depth = 0; look.now.kind != END && look.now.kind != BAD; advance(&look)) {
        if (depth == 0 && is_sign(&look, ":"))
            return 1;
        if (depth == 0 && is_sign(&look, "]"))
            return 0;
        depth += is_sign(&look, "(") || is_sign(&look, "[");
        depth -= is_sign(&look, ")") || is_sign(&look, "]");
    }
    return 0;
}

static kn_term *parse_bracket(parser *p, kn_term *of)
{
    kn_term *term = term_new(p, KN_TERM_INDEX, of->at);
    const int32_t from = p->now.at;
    advance(p); // [
    if (!term)
        return NULL;
    term->args[term->arg_count++] = of;
    if (is_slice(p)) {
        term->kind = KN_TERM_SLICE;
        parse_bound(p, &term->first);
        if (!expect(p, ":", "':'"))
            return NULL;
        term->has_last = parse_bound(p, &term->last);
    } else {
        term->args[term->arg_count++] = parse(p, 0);
    }
    const int32_t end = p->now.at + 1;
    if (!expect(p, "]", "']'"))
        return NULL;
    term->text = copy_text(p, from, end - from, 1);
    return done(p, term, end);
}

static kn_term *parse_value(parser *p)
{
    kn_term *value = parse_first(p);
    while (value && !p->failed && is_sign(p, "["))
        value = parse_bracket(p, value);
    return value;
}

static int find_operator(const parser *p)
{
    for (size_t i = 0; p->now.kind == SIGN && i < sizeof operators / sizeof *operators; i++)
        if (is_word(p, p->now, operators[i].sign))
            return (int)i;
    return -1;
}

// Values joined by operators that bind stronger than `binds`.
static kn_term *parse_operators(parser *p, int32_t binds)
{
    kn_term *left = parse_value(p);
    int32_t unchained = 0;
    while (left && !p->failed) {
        const int which = find_operator(p);
        if (which < 0 || operators[which].binds <= binds)
            break;
        const int32_t strength = operators[which].binds;
        if (!operators[which].chains && unchained == strength)
            return refuse(p, p->now.at, p->now.bytes,
                          "comparisons do not chain: write a %s b && b %s c", operators[which].sign,
                          operators[which].sign);
        unchained = operators[which].chains ? 0 : strength;
        kn_term *term = term_new(p, KN_TERM_CALL, left->at);
        advance(p);
        // Powers group from the right and take a sign on their right: 2 ** -3 ** 2.
        kn_term *right = parse(p, strength == POWER_BINDS ? PREFIX_BINDS : strength);
        if (!term || !right)
            return NULL;
        term->text = operators[which].sign;
        term->does = kn_function_find(term->text, 1, 2);
        term->args[0] = left;
        term->args[1] = right;
        term->arg_count = 2;
        left = done(p, term, end_of(right));
    }
    return left;
}

static kn_term *parse(parser *p, int32_t binds)
{
    if (p->failed)
        return NULL;
    if (p->depth == KN_DEEPEST_TERM)
        return refuse(p, p->now.at, p->now.bytes, "the formula lies too deep in itself");
    p->depth++;
    kn_term *term = parse_operators(p, binds);
    p->depth--;
    return p->failed ? NULL : term;
}

kaon_status kn_expression_parse(const kn_formula *formula, kn_arena *arena, kn_faults *faults,
                                kn_expression *out)
{
    parser p = {.formula = formula, .text = formula->text, .arena = arena, .faults = faults};
    *out = (kn_expression){.formula = *formula};
    if (strlen(p.text) > MOST_BYTES) {
        kn_expression_fault(faults, KN_FAULT_FORMULA, formula, 0, 1,
                            "the formula has more than %d bytes", MOST_BYTES);
        return KAON_INVALID;
    }
    p.now = next_token(&p, 0);
    out->root = parse(&p, 0);
    if (!p.failed && p.now.kind != END)
        refuse_token(&p, "an operator or the end");
    return p.failed || !out->root ? KAON_INVALID : KAON_OK;
}
