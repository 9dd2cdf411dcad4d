// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/**
 * Sum and sum of squares of a sliding window in double-double arithmetic (106 bits), renewed from the window when
 * {@link #isWorn}: adding and removing for years leaves no drift that a double could show, and one huge outlier leaves no
 * trace once it is out. Dekker's products are used instead
 * of {@link Math#fma}, which allocates where the processor has no such instruction.
 */
final class Moments {
    private static final double SPLIT = 134_217_729; // 2^27 + 1
    private static final double WORN = 1e-9;
    private static final int RENEWAL = 65_536;

    private double sum;
    private double sumLow;
    private double squares;
    private double squaresLow;
    private int count;
    private double newest;
    private int equalRun;
    private double largestSquares;
    private int leaves;

    void enter(double value) {
        add(value);
        addSquare(value, 1);
        equalRun = count > 0 && value == newest ? equalRun + 1 : 1;
        newest = value;
        count++;
        largestSquares = Math.max(largestSquares, squares);
    }

    void leave(double value) {
        add(-value);
        addSquare(value, -1);
        count--;
        leaves++;
    }

    void clear() {
        sum = 0;
        sumLow = 0;
        squares = 0;
        squaresLow = 0;
        count = 0;
        equalRun = 0;
        largestSquares = 0;
        leaves = 0;
    }

    int count() {
        return count;
    }

    /**
     * Whether the owner must let its window enter anew: after an overflow, after a value that was so large that its rounding
     * errors show beside those left (a REAL with swapped words easily is 1e38), and now and then.
     */
    boolean isWorn() {
        return leaves >= RENEWAL || squares < WORN * largestSquares || !Double.isFinite(sum + squares + squaresLow);
    }

    double mean() {
        return isConstant() ? newest : (sum + sumLow) / count;
    }

    /** {@code value - mean}, without the rounding of the mean: it would show where the level is far from zero. */
    double deviation(double value) {
        if (isConstant()) {
            return value - newest;
        }
        double product = value * count;
        double difference = product - sum;
        double low = sumError(product, -sum, difference) + productError(value, count, product) - sumLow;
        return (difference + low) / count;
    }

    /** 0 where there are not more values than {@code ddof}; exactly 0 for a constant signal. */
    double standardDeviation(int ddof) {
        return count <= ddof || isConstant() ? 0 : Math.sqrt(Math.max(0, variance(ddof)));
    }

    /** All values in the window are the same: no rounding may make a standard deviation out of that. */
    boolean isConstant() {
        return equalRun >= count;
    }

    private double variance(int ddof) {
        // (squares - sum * sum / count) / (count - ddof), all but the last division in double-double
        double product = sum * sum;
        double productLow = productError(sum, sum, product) + 2 * sum * sumLow;
        double quotient = product / count;
        double back = quotient * count;
        double quotientLow = ((product - back) - productError(quotient, count, back) + productLow) / count;
        double difference = squares - quotient;
        double differenceLow = sumError(squares, -quotient, difference) + squaresLow - quotientLow;
        return (difference + differenceLow) / (count - ddof);
    }

    /** The sums as they are: entering the window anew would give other last bits. */
    void save(DataOutput out) throws IOException {
        for (double part : new double[] {sum, sumLow, squares, squaresLow, largestSquares}) {
            out.writeDouble(part);
        }
        out.writeInt(leaves);
    }

    /** After the window has entered anew; sums that do not belong to it are refused. */
    void restore(DataInput in) throws IOException {
        double ownSum = sum;
        double ownSquares = squares;
        sum = in.readDouble();
        sumLow = in.readDouble();
        squares = in.readDouble();
        squaresLow = in.readDouble();
        largestSquares = in.readDouble();
        leaves = StateFormat.readCount(in, Integer.MAX_VALUE);
        boolean other = Math.abs(squares - ownSquares) > WORN * largestSquares
                || Math.abs(sum - ownSum) > WORN * Math.sqrt(count * largestSquares);
        StateFormat.require(!other, "sums of the window, was " + sum + " where " + ownSum + " is right");
    }

    private void add(double value) {
        double total = sum + value;
        double low = sumError(sum, value, total) + sumLow;
        sum = total + low;
        sumLow = low - (sum - total);
    }

    private void addSquare(double value, int sign) {
        double square = value * value;
        double squareLow = sign * productError(value, value, square);
        square *= sign;
        double total = squares + square;
        double low = sumError(squares, square, total) + squaresLow + squareLow;
        squares = total + low;
        squaresLow = low - (squares - total);
    }

    /** What {@code sum = a + b} lost (Knuth). */
    private static double sumError(double a, double b, double sum) {
        double part = sum - a;
        return (a - (sum - part)) + (b - part);
    }

    /** What {@code product = a * b} lost (Dekker). */
    private static double productError(double a, double b, double product) {
        double big = SPLIT * a;
        double aHigh = big - (big - a);
        double aLow = a - aHigh;
        big = SPLIT * b;
        double bHigh = big - (big - b);
        double bLow = b - bHigh;
        return ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow;
    }
}
