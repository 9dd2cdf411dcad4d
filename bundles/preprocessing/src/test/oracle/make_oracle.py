#!/usr/bin/python3
# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the expected results the operators are tested against, out of numpy, pandas and scipy alone.

Needs Debian's python3-numpy, python3-pandas and python3-scipy, and only to be run again after a change here:
    /usr/bin/python3 src/test/oracle/make_oracle.py src/test/resources/oracle
Each CSV is one signal (timeNs, value, status) and one column per operator with its parameters; an empty cell means that no
value comes out. Warm-up values are included: windows are taken as far as they go (min_periods=1)."""
import sys
import numpy as np, pandas as pd
from scipy import constants, signal as sps, stats

OUT = sys.argv[1]
rng = np.random.default_rng(20261123)
N = 240
T0 = 1_700_000_000_000_000_000
GOOD, UNCERTAIN, BAD = 0, 0x40930000, -0x7F740000 # BadSensorFailure as a signed int
NS = 1_000_000_000


def series(times, values):
    return pd.Series(values, index=pd.to_datetime(times))


def windows(times, values, n=None, ms=None):
    """The usable values of the window of each sample, and their times in seconds before it."""
    for k in range(len(values)):
        first = max(0, k - n + 1) if n else np.searchsorted(times, times[k] - ms * 1_000_000, side='right')
        v, t = values[first:k + 1], times[first:k + 1]
        use = ~np.isnan(v)
        yield v[use], (t[use] - times[k]) / NS


def each(times, values, function, **window):
    out = [function(v, t) if len(v) and not np.isnan(values[k]) else np.nan
           for k, (v, t) in enumerate(windows(times, values, **window))]
    return np.array(out)


def std(ddof):
    return lambda v, t: np.std(v - v[0], ddof=ddof) if len(v) > ddof else 0.0


def zscore(ddof):
    return lambda v, t: stats.zscore(v - v[-1], ddof=ddof)[-1] if len(v) > ddof and np.ptp(v) > 0 else 0.0


def slope(v, t):
    return 60 * stats.linregress(t, v - v[-1]).slope if len(v) > 1 else 0.0


def hampel(times, values, n, k, resolution, most):
    out, run = [], 0
    for i, (v, _) in enumerate(windows(times, values, n=n)):
        x = values[i]
        if np.isnan(x) or i < n - 1:
            out.append(x)
            continue
        spike = abs(x - np.median(v)) > k * 1.4826 * stats.median_abs_deviation(v) + resolution
        if not spike:
            run = 0
        elif run < most:
            run += 1
            x = np.median(v)
        out.append(x)
    return np.array(out)


def ewma_at(times, values, tau_s):
    """Closed form: the weights of all samples so far, written out."""
    use = ~np.isnan(values)
    t, v = times[use] / NS - times[0] / NS, values[use]
    t = (times[use] - times[0]) / NS
    own = np.r_[1.0, -np.expm1(-np.diff(t) / tau_s)]
    decay = np.tril(np.exp(-(t[:, None] - t[None, :]).clip(0) / tau_s))
    out = np.full(len(values), np.nan)
    out[use] = (decay * own[None, :]) @ v
    return out


def flagged(values, flags):
    return np.where(flags, np.nan, values)


def ewma_gaps(times, values, tau_s, gap_s):
    """Anew after each gap; within one, what was known last."""
    use = ~np.isnan(values)
    t, v = times[use], values[use]
    segment = np.r_[0, np.cumsum(np.diff(t) > gap_s * NS)]
    parts = [ewma_at(t[segment == k], v[segment == k], tau_s) for k in range(segment[-1] + 1)]
    return series(t, np.concatenate(parts)).reindex(
        pd.to_datetime(times), method='ffill', tolerance=pd.Timedelta(gap_s, 's')).to_numpy()


def rate(times, values, limit, release=1):
    use = np.flatnonzero(~np.isnan(values))
    flags = np.zeros(len(values), bool)
    steep = np.abs(np.diff(values[use])) / (np.diff(times[use]) / NS) > limit
    flags[use[1:]] = pd.Series(steep * 1.0).rolling(release, min_periods=1).max() > 0
    return flagged(values, flags)


def identical(values, status, n):
    good = np.flatnonzero(status == GOOD)
    same = pd.Series(np.r_[0.0, values[good][1:] == values[good][:-1]])
    flags = np.zeros(len(values), bool)
    flags[good] = same.rolling(n - 1).sum() == n - 1
    return flagged(values, flags)


def spread(times, values, resolution, full, **window):
    still = each(times, values, lambda v, t: np.ptp(v) <= resolution / 2, **window) == 1
    return flagged(values, still & full)


def columns(times, values, status):
    s = series(times, values)
    nan = np.isnan(values)
    blank = lambda x: np.where(nan, np.nan, np.asarray(x))
    first_s = (times - times[0]) / NS
    c = {}
    for n in (1, 2, 7, 32):
        c[f'movingMean window={n}'] = blank(s.rolling(n, min_periods=1).mean()) if abs(np.nanmean(values)) < 1e4 else \
            each(times, values, lambda v, t: v[0] + np.mean(v - v[0]), n=n)
        c[f'movingMin window={n}'] = blank(s.rolling(n, min_periods=1).min())
        c[f'movingMax window={n}'] = blank(s.rolling(n, min_periods=1).max())
        c[f'movingMedian window={n}'] = blank(s.rolling(n, min_periods=1).median())
    for n in (2, 9, 31):
        for ddof in (0, 1):
            c[f'movingStd window={n} ddof={ddof}'] = each(times, values, std(ddof), n=n)
            c[f'zScore window={n} ddof={ddof}'] = each(times, values, zscore(ddof), n=n)
    c['movingMean windowMs=10000'] = blank(s.rolling('10s').mean()) if abs(np.nanmean(values)) < 1e4 else \
        each(times, values, lambda v, t: v[0] + np.mean(v - v[0]), ms=10_000)
    c['movingMin windowMs=10000'] = blank(s.rolling('10s').min())
    c['movingMax windowMs=10000'] = blank(s.rolling('10s').max())
    c['movingMedian windowMs=7500'] = blank(s.rolling('7500ms').median())
    c['movingStd windowMs=12000 ddof=1'] = each(times, values, std(1), ms=12_000)
    c['zScore windowMs=12000 ddof=0'] = each(times, values, zscore(0), ms=12_000)
    c['derivative method=slope window=8'] = each(times, values, slope, n=8)
    c['derivative method=slope windowMs=15000'] = each(times, values, slope, ms=15_000)
    c['hampel window=7 k=3 resolution=0.1'] = hampel(times, values, 7, 3, 0.1, 3)
    c['hampel window=31 k=4 maximumReplacements=5'] = hampel(times, values, 31, 4, 0, 5)
    c['ewma alpha=0.2'] = blank(s.ewm(alpha=0.2, adjust=False, ignore_na=True).mean())
    c['ewma tauMs=8000'] = ewma_at(times, values, 8.0)
    c['derivative method=ewma tauMs=8000'] = (values - ewma_at(times, values, 8.0)) / 8.0 * 60
    c['rateOfChange limit=1.5 action=bad'] = rate(times, values, 1.5)
    c['frozen window=6 resolution=0.5 minFill=0 action=bad'] = \
        spread(times, values, 0.5, np.arange(len(values)) >= 5, n=6)
    c['frozen windowMs=9000 resolution=0.5 minFill=0 action=bad'] = \
        spread(times, values, 0.5, first_s >= 9, ms=9_000)
    c['log1p'] = np.log1p(np.where(values > -1, values, np.nan))
    c['standardise mean=11.5 standardDeviation=2.75'] = (values - 11.5) / 2.75
    c['clip low=9 high=13.5'] = np.clip(values, 9, 13.5)
    c['range low=6 high=18'] = flagged(values, (values < 6) | (values > 18))
    c['scale rawLow=4 rawHigh=20 euLow=0 euHigh=1000 clamp=true'] = blank(np.interp(values, [4, 20], [0, 1000]))
    c['convert from=CEL to=FAH'] = constants.convert_temperature(values, 'C', 'F')
    c['convert from=BAR to=PS'] = values * constants.bar / constants.psi
    c['convert from=KEL to=FAH difference=true'] = \
        constants.convert_temperature(values, 'C', 'F') - constants.convert_temperature(0, 'C', 'F')
    c['scale factor=-2.5 offset=7'] = np.polyval([-2.5, 7], values)
    c['scale rawLow=4 rawHigh=20 euLow=150 euHigh=-50 ne43=true'] = \
        flagged(np.polyval(np.polyfit([4, 20], [150, -50], 1), values), (values < 3.6) | (values > 21))
    c['scale rawLow=4 rawHigh=20 euLow=0 euHigh=100 squareRoot=true'] = 25 * np.sqrt(np.maximum(values - 4, 0))
    c['rateOfChange limit=1.5 release=4 action=bad'] = rate(times, values, 1.5, 4)
    c['frozen identical=5 action=bad'] = identical(values, status, 5)
    c['ewma tauMs=8000 maxGapMs=4000'] = ewma_gaps(times, values, 8.0, 4)
    c['zScore window=9 ddof=1 minStd=1'] = \
        each(times, values, lambda v, t: zscore(1)(v, t) if len(v) > 1 and np.std(v, ddof=1) > 1 else 0.0, n=9)
    c['stale maximumAgeMs=1000 action=bad'] = flagged(values, np.diff(times, prepend=times[0]) > NS)
    return c


def lag(values, status, n):
    shifted = pd.Series(values).shift(n)
    return shifted.fillna(pd.Series(np.where(np.arange(len(values)) < n, values[0], np.nan))).to_numpy()


def cell(x):
    return '' if np.isnan(x) else repr(float(x))


def write(name, times, values, status, cols):
    with open(f'{OUT}/{name}.csv', 'w') as f:
        f.write(','.join(['timeNs', 'value', 'status', *cols]) + '\n')
        for i in range(len(times)):
            f.write(','.join([str(times[i]), cell(values[i]), str(status[i]), *[cell(c[i]) for c in cols.values()]]) + '\n')


def base():
    x = sps.lfilter([0.3], [1, -0.7], rng.standard_normal(N)) * 1.2 + 12 + 2 * np.sin(np.arange(N) / 25)
    x[[40, 90, 91, 170]] *= [3, 2.5, 2.6, -2]     # spikes, one below -1
    x[200:206] += 7                                # a short level shift
    x[110:125] = x[110]                            # frozen
    return np.round(x, 4)


def spoil(x, status):
    for a, b in ((20, 21), (60, 68), (130, 150), (235, 240)):
        x[a:b], status[a:b] = np.nan, BAD
    status[75:80] = UNCERTAIN


regular = T0 + np.arange(N) * NS
x, status = base(), np.full(N, GOOD)
write('regular', regular, x, status, {**columns(regular, x, status), 'lag cycles=1': lag(x, status, 1), 'lag cycles=12': lag(x, status, 12)})
x, status = base(), np.full(N, GOOD)
spoil(x, status)
write('gappy', regular, x, status, {**columns(regular, x, status), 'lag cycles=3': lag(x, status, 3)})
steps = rng.integers(10, 200, N) * 10_000_000
steps[150] = 9 * NS                                # a gap, shorter than the windows
irregular = T0 + np.cumsum(steps)
x, status = base(), np.full(N, GOOD)
spoil(x, status)
write('irregular', irregular, x, status, columns(irregular, x, status))
# far from zero: what one-pass formulas get wrong. 2^-10 steps, so that differences are exact
x, status = 1e6 + np.round(base() * 1024) / 1024 / 100, np.full(N, GOOD)
x = np.round(x * 2**20) / 2**20
far = {k: v for k, v in columns(regular, x, status).items() if k.startswith(('movingMean', 'movingStd', 'zScore', 'derivative method=slope'))}
write('far', regular, x, status, far)

# resting, then resting elsewhere: no rounding may make a deviation, a slope or a spike of that
x, status = np.full(N, 0.1), np.full(N, GOOD)
x[100:] = 1e5 / 3
x[180:183], status[180:183] = np.nan, BAD
write('resting', regular, x, status, {k: v for k, v in columns(regular, x, status).items()
                                      if k.startswith(('moving', 'zScore', 'hampel', 'ewma', 'derivative method=slope'))})

# Samples at their own pace onto a grid of 1 s: pandas on a comb of 10 ms, on which all samples lie.
steps = rng.integers(10, 250, N) * 10_000_000
steps[150] = 12 * NS
own = T0 + np.cumsum(steps)
x, status = base(), np.full(N, GOOD)
spoil(x, status)
write('samples', own, x, status, {})
s = series(own, x)
cycles = pd.date_range(pd.to_datetime(T0 + 3 * NS).ceil('s'), pd.to_datetime(own[-1]).ceil('s'), freq='1s')
comb = pd.date_range(pd.to_datetime(T0), cycles[-1], freq='10ms')
MAX_AGE = 5.0
marked = s.fillna(1e300)                           # Bad holds as Bad until the next sample
held = marked.reindex(comb, method='ffill', tolerance=pd.Timedelta('5s') - pd.Timedelta('10ms'))
held = held.where(held < 1e299)
mean = held.resample('1s', closed='left', label='right').mean().reindex(cycles)
mean = mean.fillna(s.reindex(cycles))              # no time covered, but a sample at the very end
usable = s.dropna()
asof = pd.merge_asof(pd.DataFrame({'t': cycles}), usable.rename('v').rename_axis('t').reset_index(), on='t',
                     tolerance=pd.Timedelta('5s'))['v'].to_numpy()
bins = usable.resample('1s', closed='right', label='right')
count = bins.count().reindex(cycles).fillna(0)
low, high = bins.min().reindex(cycles), bins.max().reindex(cycles)
delayed = pd.merge_asof(pd.DataFrame({'t': cycles - pd.Timedelta('7300ms')}),
                        s.rename('v').rename_axis('t').reset_index(), on='t')
known = pd.merge_asof(pd.DataFrame({'t': cycles - pd.Timedelta('7300ms')}),
                      pd.Series(own, index=s.index).rename('at').rename_axis('t').reset_index(), on='t')
late = (delayed['t'].astype('int64') - known['at']) > MAX_AGE * NS
aligned = delayed['v'].where(~late).to_numpy()
aligned[known['at'].isna().to_numpy()] = x[0]      # history missing: the oldest there is
write('grid', cycles.astype('int64').to_numpy(), np.full(len(cycles), np.nan), np.zeros(len(cycles), int), {
    'resample method=last maxAgeMs=5000': asof,
    'resample method=mean maxAgeMs=5000': mean.to_numpy(),
    'resample method=min maxAgeMs=5000': low.where(low.notna(), asof).to_numpy(),
    'resample method=max maxAgeMs=5000': high.where(high.notna(), asof).to_numpy(),
    'resample method=count': count.to_numpy(),
    'align delayMs=7300 maxAgeMs=5000': aligned,
})

# Units, by scipy.constants.
k = constants
pairs = [('BAR', 'PS', k.bar / k.psi), ('ATM', 'KPA', k.atm / 1e3), ('INH', 'MMT', k.inch * 1e3),
         ('FOT', 'MTR', k.foot), ('SMI', 'KMT', k.mile / 1e3), ('YRD', 'CMT', k.yard * 100), ('GLL', 'LTR', k.gallon_US * 1e3),
         ('GLI', 'LTR', k.gallon_imp * 1e3), ('BLL', 'MTQ', k.bbl), ('LBR', 'KGM', k.pound), ('ONZ', 'GRM', k.oz * 1e3),
         ('LTN', 'TNE', k.long_ton / 1e3), ('STN', 'KGM', k.short_ton), ('KMH', 'MTS', k.kmh), ('HM', 'MTS', k.mph),
         ('KNT', 'KMH', k.knot / k.kmh), ('HAR', 'MTK', k.hectare), ('BTU', 'KJO', k.Btu_IT / 1e3),
         ('MIN', 'SEC', k.minute), ('DAY', 'HUR', k.day / k.hour), ('WEE', 'DAY', k.week / k.day),
         ('FTQ', 'LTR', k.foot**3 * 1e3), ('MQH', 'L2', 1e3 / 60), ('MQH', 'E32', 1e3), ('G2', 'MQH', k.gallon_US * 60),
         ('M1', 'A93', 1.0), ('H29', 'M1', 1e-3), ('H61', 'G42', 1e3), ('KWH', '3B', 3.6), ('P1', 'C62', 0.01),
         ('ATT', 'BAR', k.g * 1e4 / k.bar), ('CEL', 'KEL', None), ('FAH', 'CEL', None), ('CEL', 'A48', None), ('KEL', 'FAH', None)]
letters = {'CEL': 'C', 'KEL': 'K', 'FAH': 'F', 'A48': 'R'}
with open(f'{OUT}/units.csv', 'w') as f:
    f.write('from,to,value,expected\n')
    for a, b, factor in pairs:
        for v in (-40.0, 0.0, 1.0, 36.6, 12345.678):
            y = k.convert_temperature(v, letters[a], letters[b]) if factor is None else v * factor
            f.write(f'{a},{b},{v!r},{float(y)!r}\n')
