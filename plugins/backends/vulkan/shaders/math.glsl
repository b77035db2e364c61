// math.glsl: elementary functions in f32 and f64 of better accuracy than GLSL promises, which for sin or
// log is little and for f64 nothing at all. Formulas and coefficients are those of the cpu backend, which
// tells where they come from. NaN is told by bits: compilers may assume that it does not occur.
bool either(bool a, bool b)
{
    return a || b;
}
bool both(bool a, bool b)
{
    return a && b;
}

#ifdef MATH_F64
#define f64_inf packDouble2x32(uvec2(0u, 0x7ff00000u))
#define f64_nan packDouble2x32(uvec2(0u, 0x7ff80000u))
bool is_nan(double x)
{
    uvec2 bits = unpackDouble2x32(x);
    return (bits.y & 0x7fffffffu) + (bits.x != 0u ? 1u : 0u) > 0x7ff00000u;
}
bool is_finite(double x)
{
    return (unpackDouble2x32(x).y & 0x7ff00000u) != 0x7ff00000u;
}
double with_sign(double size, double sign_of)
{
    uvec2 bits = unpackDouble2x32(size);
    bits.y = (bits.y & 0x7fffffffu) | (unpackDouble2x32(sign_of).y & 0x80000000u);
    return packDouble2x32(bits);
}
double f64_power(int n)
{
    return packDouble2x32(uvec2(0u, uint(n + 1023) << 20));
}
bool less(double a, double b)
{
    return a < b;
}
bool same(double a, double b)
{
    return a == b;
}
double pick(bool which, double a, double b)
{
    return which ? a : b;
}
// The second where either is NaN.
double lesser(double a, double b)
{
    return a < b ? a : b;
}
double greater(double a, double b)
{
    return a > b ? a : b;
}
// x 2^n in two steps, so that neither factor leaves the range.
double scaled_by(double x, double n)
{
    int whole = int(clamp(n, -2200, 2200)), first = whole >> 1;
    return x * f64_power(first) * f64_power(whole - first);
}
// NaN where either is.
double f64_min(double a, double b)
{
    return is_nan(a) || a < b ? a : b;
}
double f64_max(double a, double b)
{
    return is_nan(a) || a > b ? a : b;
}
double f64_sign(double x)
{
    return is_nan(x) || x == 0 ? x : with_sign(1, x);
}
double f64_mod(double a, double b)
{
    if (is_nan(a) || is_nan(b) || !is_finite(a) || b == 0)
        return f64_nan;
    if (!is_finite(b))
        return a;
    double rest = abs(a), divisor = abs(b);
    for (int i = 0; i < 64 && rest >= divisor; i++) {
        double q = trunc(rest / divisor);
        precise double left = fma(-q, divisor, rest);
        rest = left < 0 ? left + divisor : left;
    }
    return with_sign(rest, a);
}

double f64_exp_reduced(double x, out double n)
{
    n = roundEven(x * 1.44269504088896338700LF);
    precise double r = fma(n, -6.93147180369123816490e-01LF, x);
    r = fma(n, -1.90821492927058770002e-10LF, r);
    return fma(r * r, fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(2.092789286689844074e-9LF, r,
        2.511343810353679651e-8LF), r, 2.755723007821279374e-7LF), r, 2.755723081701433916e-6LF),
        r, 0.00002480158737792168853LF), r, 0.0001984126990045952586LF), r,
        0.001388888888885606134LF), r, 0.008333333333315376428LF), r, 0.04166666666666673025LF), r,
        0.1666666666666668562LF), r, 0.4999999999999999996LF), r);
}

double f64_exp_clamp(double x)
{
    return greater(-746.0LF, lesser(711.0LF, x));
}

double f64_exp_times(double x, double k)
{
    double n;
    precise double e = f64_exp_reduced(f64_exp_clamp(x), n);
    return scaled_by(1.0LF + e, n + k);
}

double f64_exp(double x)
{
    return f64_exp_times(x, 0.0LF);
}

double f64_expm1(double x)
{
    double n;
    double below = lesser(709.9LF, x); // n <= 1024
    precise double e = f64_exp_reduced(f64_exp_clamp(below), n);
    precise double halved = scaled_by(0.5LF, n);
    precise double y = 2.0LF * fma(halved, e, halved - 0.5LF);
    return pick(less(abs(x), 5.551115123125783e-17LF), x, y);
}

double f64_log(double x)
{
    bool denormal = less(x, 2.2250738585072014e-308LF);
    double scaled = pick(denormal, x * 1.8014398509481984e+16LF, x);
    int64_t root = int64_t(0x3fe6a09e667f3bcdUL); // sqrt(1/2)
    int64_t exponent = (doubleBitsToInt64(scaled) - root) >> 52;
    double f = int64BitsToDouble(doubleBitsToInt64(scaled) - (exponent << 52)) - 1.0LF;
    precise double e = double(exponent) - pick(denormal, 54.0LF, 0.0LF);

    double s = f / (2.0LF + f);
    double square = s * s;
    precise double rest = square * fma(fma(fma(fma(fma(fma(fma(0.1326712217581720417LF, square,
        0.132483821006842312LF), square, 0.153871677091529672LF), square, 0.1818177390666175806LF),
        square, 0.2222222266876087302LF), square, 0.2857142856894019635LF), square,
        0.400000000000067013LF), square, 0.666666666666666605LF);
    precise double halved = 0.5LF * f * f;
    double low_ = fma(e, 1.90821492927058770002e-10LF, s * (halved + rest));
    precise double y = fma(e, 6.93147180369123816490e-01LF, f - (halved - low_));

    double inf = f64_inf;
    y = pick(same(x, inf), inf, y);
    y = pick(same(x, 0.0LF), -inf, y);
    return pick(either(less(x, 0.0LF), is_nan(x)), f64_nan, y);
}

double f64_log1p(double x)
{
    double one = 1.0LF;
    precise double u = one + x;
    bool plain = both(less(0.0LF, u), less(u, f64_inf));
    precise double lost = pick(plain, (x - (u - one)) / u, 0.0LF);
    return pick(less(abs(x), 5.551115123125783e-17LF), x, f64_log(u) + lost);
}

double f64_logistic(double x)
{
    precise double e = f64_exp(-abs(x));
    precise double y = pick(less(x, 0.0LF), e, 1.0LF) / (1.0LF + e);
    return pick(is_nan(x), x, y);
}

double f64_tanh(double x)
{
    double size = lesser(22.0LF, abs(x));
    precise double e = f64_expm1(size + size);
    return with_sign(e / (e + 2.0LF), x);
}

double f64_sin_near(double r, double tail)
{
    double square = r * r;
    double cube = square * r;
    precise double rest = fma(fma(fma(fma(1.589358378007664198e-10LF, square,
        -2.50507040378787269e-8LF), square, 2.755731335600934109e-6LF), square,
        -0.0001984126982887014357LF), square, 0.008333333333321285551LF);
    double inner = square * (0.5LF * tail - cube * rest) - tail;
    return r - fma(cube, 0.1666666666666662769LF, inner);
}

double f64_cos_near(double r, double tail)
{
    double square = r * r;
    precise double halved = 0.5LF * square;
    double head = 1.0LF - halved;
    precise double rest = square * square * fma(fma(fma(fma(fma(-1.136010489695020601e-11LF,
        square, 2.08757389141593767e-9LF), square, -2.755731452921274222e-7LF), square,
        0.00002480158729036749197LF), square, -0.001388888888887612609LF), square,
        0.04166666666666661586LF) - r * tail;
    return head + (((1.0LF - head) - halved) + rest);
}

double f64_turn(double x, out double tail, out int64_t quarter)
{
    double n = roundEven(x * 0.63661977236758134308LF);
    precise double first = x - n * 1.57079632673412561417e+00LF;
    double second = n * 6.07710050630396597660e-11LF;
    precise double near_ = first - second;
    precise double lost = (first - near_) - second;
    double third = fma(n, -2.02226624871116645580e-21LF, lost);
    precise double rest = fma(n, -8.47842766036889956997e-32LF, third);
    precise double r = near_ + rest;
    tail = (near_ - r) + rest;
    quarter = int64_t(n);
    return r;
}

double f64_sin_shifted(double x, int shift)
{
    int64_t quarter;
    double tail;
    precise double r = f64_turn(x, tail, quarter);
    int64_t n = quarter + shift;
    double odd = double(n & 1);
    double y =
        pick(same(odd, 0.0LF), f64_sin_near(r, tail), f64_cos_near(r, tail));
    return (n & 2) != 0 ? -y : y;
}

double f64_sin(double x)
{
    precise double y = pick(same(x, 0.0LF), x, f64_sin_shifted(x, 0)); // keeps -0
    return y;
}

double f64_cos(double x)
{
    return f64_sin_shifted(x, 1);
}

double f64_tan(double x)
{
    precise double y = f64_sin_shifted(x, 0) / f64_sin_shifted(x, 1);
    return pick(same(x, 0.0LF), x, y);
}

double f64_atan_unit(double q)
{
    bool far_ = less(0.41421356237309503LF, q);
    double z = pick(far_, (q - 1.0LF) / (q + 1.0LF), q);
    double square = z * z;
    precise double y = fma(z * square,
        fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(0.01507152326167104238LF, square,
        -0.03335256652408351575LF), square, 0.04498306784726188554LF), square,
        -0.05217113345231093677LF), square, 0.05876820978000148705LF), square,
        -0.06666206225022016083LF), square, 0.07692281366861207336LF), square,
        -0.09090908082935127773LF), square, 0.1111111108647048956LF), square,
        -0.1428571428536063495LF), square, 0.199999999999974514LF), square,
        -0.3333333333333332692LF), z);
    return pick(far_, y + 0.78539816339744830962LF, y);
}

double f64_atan2(double y, double x)
{
    double up = abs(y), side = abs(x);
    double small = lesser(up, side), large = greater(up, side);
    double q = small / large;
    q = pick(same(large, 0.0LF), 0.0LF, q);
    q = pick(same(small, f64_inf), 1.0LF, q);
    double angle = f64_atan_unit(q);
    angle = pick(less(side, up), 1.57079632679489661923LF - angle, angle);
    bool back = less(with_sign(1.0LF, x), 0.0LF);
    angle = pick(back, 3.14159265358979323846LF - angle, angle);
    bool broken = either(is_nan(x), is_nan(y));
    return pick(broken, f64_nan, with_sign(angle, y));
}

double f64_atan(double x)
{
    return f64_atan2(x, 1.0LF);
}

double f64_asin(double x)
{
    double one = 1.0LF;
    return f64_atan2(x, sqrt((one - x) * (one + x)));
}

double f64_acos(double x)
{
    double one = 1.0LF;
    return f64_atan2(sqrt((one - x) * (one + x)), x);
}

double f64_sinh(double x)
{
    double size = abs(x);
    precise double e = f64_expm1(lesser(1.0LF, size));
    precise double near_ = 0.5LF * (e + e / (e + 1.0LF));
    precise double halved = f64_exp_times(size, -1.0LF);
    double far_ = halved - 0.25LF / halved;
    return with_sign(pick(less(size, 1.0LF), near_, far_), x);
}

double f64_cosh(double x)
{
    precise double halved = f64_exp_times(abs(x), -1.0LF);
    return halved + 0.25LF / halved;
}

double f64_asinh(double x)
{
    double one = 1.0LF;
    double size = abs(x);
    bool large = less(268435456.0LF, size);
    double square = size * size;
    precise double near_ = f64_log1p(size + square / (one + sqrt(one + square)));
    double far_ = f64_log(size) + 0.69314718055994530942LF;
    return with_sign(pick(large, far_, near_), x);
}

double f64_acosh(double x)
{
    double t = x - 1.0LF;
    precise double near_ = f64_log1p(t + sqrt(t + t + t * t));
    double far_ = f64_log(x) + 0.69314718055994530942LF;
    precise double y = pick(less(268435456.0LF, x), far_, near_);
    return pick(less(x, 1.0LF), f64_nan, y);
}

double f64_atanh(double x)
{
    double size = abs(x);
    precise double y = 0.5LF * f64_log1p((size + size) / (1.0LF - size));
    return with_sign(y, x);
}

double f64_pow_short(double a, double b)
{
    double zero = 0.0LF, one = 1.0LF, inf = f64_inf;
    double size = abs(a);
    precise double y = f64_exp(b * f64_log(size));
    bool whole = same(floor(b), b);
    precise double halved = b * 0.5LF;
    bool odd = both(whole, !(same(floor(halved), halved)));
    y = pick(odd, with_sign(y, a), y);

    bool edge = either(same(size, zero), same(size, inf));
    bool root = both(less(a, zero), !(either(whole, edge)));
    y = pick(root, f64_nan, y);
    bool level = both(same(size, one), same(abs(b), inf));
    bool unit = either(either(same(a, one), same(b, zero)), level);
    bool broken = both(either(is_nan(a), is_nan(b)), !(unit));
    return pick(unit, one, pick(broken, f64_nan, y));
}

// By Taylor's series up to 3, then by the continued fraction of what is missing to 1.
double f64_erf(double x)
{
    double size = abs(x);
    if (is_nan(x))
        return x;
    if (size > 6)
        return with_sign(1, x);
    double square = x * x;
    if (size < 3) {
        double term = x, sum = x;
        for (int n = 1; n < 100 && abs(term) > abs(sum) * 1e-17LF; n++) {
            term *= 2 * square / double(2 * n + 1);
            sum += term;
        }
        return 1.12837916709551257390LF * f64_exp(-square) * sum;
    }
    double fraction = size;
    for (int n = 60; n > 0; n--)
        fraction = size + 0.5LF * double(n) / fraction;
    double missing = f64_exp(-square) * 0.56418958354775628695LF / fraction;
    return with_sign(1 - missing, x);
}

// sin(pi x), of use near whole numbers.
double f64_sin_pi(double x)
{
    double whole = roundEven(x);
    double y = f64_sin((x - whole) * 3.14159265358979323846LF);
    return mod(abs(whole), 2) == 1 ? -y : y;
}

// The recurrence up to 10, there Stirling's series; reflected for x < 1/2.
double f64_lgamma(double x)
{
    if (is_nan(x))
        return x;
    if (!is_finite(x) || (x <= 0 && floor(x) == x))
        return f64_inf;
    double z = x < 0.5LF ? 1 - x : x, product = 1;
    for (; z < 10; z += 1)
        product *= z;
    double s = 1 / (z * z);
    double series = (1 / 12.0LF - s * (1 / 360.0LF - s * (1 / 1260.0LF - s * (1 / 1680.0LF -
               s * (1 / 1188.0LF - s * (691 / 360360.0LF - s * (1 / 156.0LF))))))) / z;
    double y = (z - 0.5LF) * f64_log(z) - z + 0.91893853320467274178LF + series - f64_log(product);
    return x < 0.5LF ? f64_log(3.14159265358979323846LF / abs(f64_sin_pi(x))) - y : y;
}

double f64_digamma(double x)
{
    if (is_nan(x) || (x <= 0 && floor(x) == x) || x == -f64_inf)
        return f64_nan;
    if (x == f64_inf)
        return x;
    double sum = 0, z = x;
    if (x < 0) {
        double turned = (x - roundEven(x)) * 3.14159265358979323846LF;
        sum = -3.14159265358979323846LF * f64_cos(turned) / f64_sin(turned);
        z = 1 - x;
    }
    for (; z < 10; z += 1)
        sum -= 1 / z;
    double s = 1 / (z * z);
    double series = s * (1 / 12.0LF - s * (1 / 120.0LF - s * (1 / 252.0LF - s * (1 / 240.0LF -
               s * (1 / 132.0LF - s * (691 / 32760.0LF))))));
    return sum + f64_log(z) - 0.5LF / z - series;
}

#define f64_pow f64_pow_short
#endif

#define f32_inf uintBitsToFloat(0x7f800000u)
#define f32_nan uintBitsToFloat(0x7fc00000u)
bool is_nan(float x)
{
    return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u;
}
bool is_finite(float x)
{
    return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u;
}
float with_sign(float size, float sign_of)
{
    return uintBitsToFloat((floatBitsToUint(size) & 0x7fffffffu) |
                           (floatBitsToUint(sign_of) & 0x80000000u));
}
float f32_power(int n)
{
    return intBitsToFloat((n + 127) << 23);
}
bool less(float a, float b)
{
    return a < b;
}
bool same(float a, float b)
{
    return a == b;
}
float pick(bool which, float a, float b)
{
    return which ? a : b;
}
// The second where either is NaN.
float lesser(float a, float b)
{
    return a < b ? a : b;
}
float greater(float a, float b)
{
    return a > b ? a : b;
}
// x 2^n in two steps, so that neither factor leaves the range.
float scaled_by(float x, float n)
{
    int whole = int(clamp(n, -2200, 2200)), first = whole >> 1;
    return x * f32_power(first) * f32_power(whole - first);
}
// NaN where either is.
float f32_min(float a, float b)
{
    return is_nan(a) || a < b ? a : b;
}
float f32_max(float a, float b)
{
    return is_nan(a) || a > b ? a : b;
}
float f32_sign(float x)
{
    return is_nan(x) || x == 0 ? x : with_sign(1, x);
}
float f32_mod(float a, float b)
{
    if (is_nan(a) || is_nan(b) || !is_finite(a) || b == 0)
        return f32_nan;
    if (!is_finite(b))
        return a;
    float rest = abs(a), divisor = abs(b);
    for (int i = 0; i < 64 && rest >= divisor; i++) {
        float q = trunc(rest / divisor);
        precise float left = fma(-q, divisor, rest);
        rest = left < 0 ? left + divisor : left;
    }
    return with_sign(rest, a);
}

float f32_exp_reduced(float x, out float n)
{
    n = roundEven(x * 1.44269504);
    precise float r = fma(n, -0.693359375, x);
    r = fma(n, 2.12194440e-4, r);
    return fma(r * r, fma(fma(fma(fma(0.001395169319, r, 0.008369598132), r, 0.0416661876), r,
        0.1666651289), r, 0.5000000101), r);
}

float f32_exp_clamp(float x)
{
    return greater(-104.0, lesser(89.0, x));
}

float f32_exp(float x)
{
    float n;
    precise float e = f32_exp_reduced(f32_exp_clamp(x), n);
    return scaled_by(1.0 + e, n);
}

// exp(x) / 2, finite a little longer than exp.
float f32_exp_halved(float x)
{
    float n;
    float e = f32_exp_reduced(lesser(90.0, x), n);
    return scaled_by(1 + e, n - 1);
}

float f32_expm1(float x)
{
    float n;
    precise float e = f32_exp_reduced(f32_exp_clamp(x), n);
    precise float halved = scaled_by(0.5, n);
    precise float y = 2.0 * fma(halved, e, halved - 0.5);
    return pick(less(abs(x), 2.9802322387695312e-08), x, y);
}

float f32_log(float x)
{
    bool denormal = less(x, 1.1754943508222875e-38);
    float scaled = pick(denormal, x * 8388608.0, x);
    int root = 0x3f3504f3; // sqrt(1/2)
    int exponent = (floatBitsToInt(scaled) - root) >> 23;
    float f = intBitsToFloat(floatBitsToInt(scaled) - (exponent << 23)) - 1.0;
    precise float e = float(exponent) - pick(denormal, 23.0, 0.0);

    float square = f * f;
    precise float y = square * f * fma(fma(fma(fma(fma(fma(fma(-0.07634456529, f, 0.1276154469), f,
        -0.1316018402), f, 0.1420176348), f, -0.1662335766), f, 0.2000122659), f, -0.2500082102),
        f, 0.3333333171);
    y = fma(e, -2.12194440e-4, y);
    y = fma(square, -0.5, y);
    y = fma(e, 0.693359375, f + y);

    float inf = f32_inf;
    y = pick(same(x, inf), inf, y);
    y = pick(same(x, 0.0), -inf, y);
    return pick(either(less(x, 0.0), is_nan(x)), f32_nan, y);
}

float f32_log1p(float x)
{
    float one = 1.0;
    precise float u = one + x;
    bool plain = both(less(0.0, u), less(u, f32_inf));
    precise float lost = pick(plain, (x - (u - one)) / u, 0.0);
    return pick(less(abs(x), 2.9802322387695312e-08), x, f32_log(u) + lost);
}

float f32_logistic(float x)
{
    precise float e = f32_exp(-abs(x));
    precise float y = pick(less(x, 0.0), e, 1.0) / (1.0 + e);
    return pick(is_nan(x), x, y);
}

float f32_tanh(float x)
{
    float size = abs(x);
    float square = x * x;
    precise float near_ = fma(x * square, fma(fma(fma(fma(-0.005717027938, square, 0.02065057155),
        square, -0.05374349305), square, 0.1333149122), square, -0.3333328392), x);
    float far_ = 1.0 - 2.0 / (f32_exp(size + size) + 1.0);
    return pick(less(size, 0.625), near_, with_sign(far_, x));
}

float f32_erf(float x)
{
    float size = lesser(4.0, abs(x));
    float square = x * x;
    precise float near_ = fma(x, fma(fma(fma(fma(fma(fma(8.345222645e-5, square, -0.0008137437223),
        square, 0.005200634305), square, -0.0268592708), square, 0.1128369394), square,
        -0.376126337), square, 0.1283791666), x);
    float far_ = 1.0 - f32_exp(-size * fma(fma(fma(fma(fma(fma(1.658376114e-5, size,
        -0.0003746692089), size, 0.00384521688), size, -0.02417217851), size, 0.1066904039), size,
        0.634890854), size, 1.128709292));
    return pick(less(size, 0.9275), near_, with_sign(far_, x));
}

// Turns by pi/2 in three parts; the first two times n are exact with a fused multiply-add.
float f32_sin_shifted(float x, int shift)
{
    precise float turns = roundEven(x * 0.63661977);
    precise float r = fma(turns, -1.5707963, x);
    r = fma(turns, 4.3711388e-8, r);
    r = fma(turns, 1.7151245e-15, r);
    if (!is_finite(x))
        return f32_nan;
    int n = int(mod(turns, 4)) + shift;
    float square = r * r;
    float sine = fma(square * r, fma(fma(fma(2.717564459e-6, square, -0.0001983925664), square,
                                         0.008333329144), square, -0.1666666664), r);
    float high_order = square * square * fma(fma(2.443120518e-5, square, -0.001388730605), square,
                                             0.04166664565);
    float cosine = 1 + fma(square, -0.5, high_order);
    float y = (n & 1) == 0 ? sine : cosine;
    return (n & 2) != 0 ? -y : y;
}

float f32_sin(float x)
{
    return x == 0 ? x : f32_sin_shifted(x, 0);
}

float f32_cos(float x)
{
    return f32_sin_shifted(x, 1);
}

float f32_tan(float x)
{
    return x == 0 ? x : f32_sin_shifted(x, 0) / f32_sin_shifted(x, 1);
}

// atan(q) for q in [0, 1]: beyond tan(pi/8), pi/4 + atan((q - 1)/(q + 1)). Cephes, S. Moshier.
float f32_atan_unit(float q)
{
    bool far_ = q > 0.41421356;
    float z = far_ ? (q - 1) / (q + 1) : q, square = z * z;
    float y = fma(fma(fma(fma(8.05374449538e-2, square, -1.38776856032e-1), square,
                          1.99777106478e-1), square, -3.33329491539e-1) * square, z, z);
    return far_ ? y + 0.78539816 : y;
}

float f32_atan2(float y, float x)
{
    float up = abs(y), side = abs(x);
    float small = lesser(up, side), large = greater(up, side);
    float q = small / large;
    q = pick(same(large, 0.0), 0.0, q);
    q = pick(same(small, f32_inf), 1.0, q);
    float angle = f32_atan_unit(q);
    angle = pick(less(side, up), 1.57079632679489661923 - angle, angle);
    bool back = less(with_sign(1.0, x), 0.0);
    angle = pick(back, 3.14159265358979323846 - angle, angle);
    bool broken = either(is_nan(x), is_nan(y));
    return pick(broken, f32_nan, with_sign(angle, y));
}

float f32_atan(float x)
{
    return f32_atan2(x, 1.0);
}

float f32_asin(float x)
{
    float one = 1.0;
    return f32_atan2(x, sqrt((one - x) * (one + x)));
}

float f32_acos(float x)
{
    float one = 1.0;
    return f32_atan2(sqrt((one - x) * (one + x)), x);
}

float f32_sinh(float x)
{
    float size = abs(x);
    precise float e = f32_expm1(lesser(1.0, size));
    precise float near_ = 0.5 * (e + e / (e + 1.0));
    precise float halved = f32_exp_halved(size);
    float far_ = halved - 0.25 / halved;
    return with_sign(pick(less(size, 1.0), near_, far_), x);
}

float f32_cosh(float x)
{
    precise float halved = f32_exp_halved(abs(x));
    return halved + 0.25 / halved;
}

float f32_asinh(float x)
{
    float one = 1.0;
    float size = abs(x);
    bool large = less(4096.0, size);
    float square = size * size;
    precise float near_ = f32_log1p(size + square / (one + sqrt(one + square)));
    float far_ = f32_log(size) + 0.69314718055994530942;
    return with_sign(pick(large, far_, near_), x);
}

float f32_acosh(float x)
{
    float t = x - 1.0;
    precise float near_ = f32_log1p(t + sqrt(t + t + t * t));
    float far_ = f32_log(x) + 0.69314718055994530942;
    precise float y = pick(less(4096.0, x), far_, near_);
    return pick(less(x, 1.0), f32_nan, y);
}

float f32_atanh(float x)
{
    float size = abs(x);
    precise float y = 0.5 * f32_log1p((size + size) / (1.0 - size));
    return with_sign(y, x);
}

float f32_pow_short(float a, float b)
{
    float zero = 0.0, one = 1.0, inf = f32_inf;
    float size = abs(a);
    precise float y = f32_exp(b * f32_log(size));
    bool whole = same(floor(b), b);
    precise float halved = b * 0.5;
    bool odd = both(whole, !(same(floor(halved), halved)));
    y = pick(odd, with_sign(y, a), y);

    bool edge = either(same(size, zero), same(size, inf));
    bool root = both(less(a, zero), !(either(whole, edge)));
    y = pick(root, f32_nan, y);
    bool level = both(same(size, one), same(abs(b), inf));
    bool unit = either(either(same(a, one), same(b, zero)), level);
    bool broken = both(either(is_nan(a), is_nan(b)), !(unit));
    return pick(unit, one, pick(broken, f32_nan, y));
}

// sin(pi x), of use near whole numbers.
float f32_sin_pi(float x)
{
    float whole = roundEven(x);
    float y = f32_sin((x - whole) * 3.14159265358979323846);
    return mod(abs(whole), 2) == 1 ? -y : y;
}

// The recurrence up to 10, there Stirling's series; reflected for x < 1/2.
float f32_lgamma(float x)
{
    if (is_nan(x))
        return x;
    if (!is_finite(x) || (x <= 0 && floor(x) == x))
        return f32_inf;
    float z = x < 0.5 ? 1 - x : x, product = 1;
    for (; z < 10; z += 1)
        product *= z;
    float s = 1 / (z * z);
    float series = (1 / 12.0 - s * (1 / 360.0 - s * (1 / 1260.0 - s * (1 / 1680.0 -
               s * (1 / 1188.0 - s * (691 / 360360.0 - s * (1 / 156.0))))))) / z;
    float y = (z - 0.5) * f32_log(z) - z + 0.91893853320467274178 + series - f32_log(product);
    return x < 0.5 ? f32_log(3.14159265358979323846 / abs(f32_sin_pi(x))) - y : y;
}

float f32_digamma(float x)
{
    if (is_nan(x) || (x <= 0 && floor(x) == x) || x == -f32_inf)
        return f32_nan;
    if (x == f32_inf)
        return x;
    float sum = 0, z = x;
    if (x < 0) {
        float turned = (x - roundEven(x)) * 3.14159265358979323846;
        sum = -3.14159265358979323846 * f32_cos(turned) / f32_sin(turned);
        z = 1 - x;
    }
    for (; z < 10; z += 1)
        sum -= 1 / z;
    float s = 1 / (z * z);
    float series = s * (1 / 12.0 - s * (1 / 120.0 - s * (1 / 252.0 - s * (1 / 240.0 -
               s * (1 / 132.0 - s * (691 / 32760.0))))));
    return sum + f32_log(z) - 0.5 / z - series;
}

// In f64 where the device has it: an error of b log(a) is one of the result.
float f32_pow(float a, float b)
{
#ifdef MATH_F64
    return float(f64_pow_short(double(a), double(b)));
#else
    return f32_pow_short(a, b);
#endif
}
