"""Layout of a point's state over life."""

from __future__ import annotations

# A point's state begins with these, then come its channels, then its quasi-kurtoses.
RECORDS = 0
BEGUN = 1
LATEST = 2
HEAD = 3

# Each channel's state begins with these, then come learning slots, the bank and the lags.
COUNT = 0
ORIGIN = 1
SEEN_AT = 2
VALUE = 3
MEAN = 4
HIGHEST = 5
NET_RISES = 6
LOCATION = 7
SCALE = 8
CUSUM_RISE = 9
CUSUM_FALL = 10
KENDALL = 11
CHANNEL_HEAD = 12

# One time constant of the bank: weight, weighted squares about the mean, moments of age, of age and value.
M0, SQUARES, M1, M2, Y0, Y1 = 0, 1, 2, 3, 4, 5
M3, M4, Y2 = 6, 7, 8
LINE_SIZE = 6
PARABOLA_SIZE = 9

LAG_CELLS = 4
"""Snapshots per lag."""
LAG_SLOTS = LAG_CELLS + 2
"""Snapshots younger than the lag are in at most one cell more than the lag has, and one is older."""
RATIO_SIZE = 3  # places of one ratio in a state, which are:
RATIO_COUNT, RATIO_MEAN, RATIO_VALUE = 0, 1, 2  # as the sizes: part of the format OVL2
BINS = 24
"""Bins of z for the Mann-Kendall statistic; they replace the learning values."""
