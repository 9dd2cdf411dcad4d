// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.tribuo.MutableDataset;
import org.tribuo.common.tree.RandomForestTrainer;
import org.tribuo.ensemble.WeightedEnsembleModel;
import org.tribuo.impl.ArrayExample;
import org.tribuo.provenance.SimpleDataSourceProvenance;
import org.tribuo.regression.RegressionFactory;
import org.tribuo.regression.Regressor;
import org.tribuo.regression.ensemble.AveragingCombiner;
import org.tribuo.regression.rtree.CARTJointRegressionTrainer;
import org.tribuo.regression.rtree.impurity.MeanSquaredError;

/**
 * Random forests by Tribuo. Joint trees: the others give no root to walk from.
 *
 * @param trees how many.
 * @param depth of each, at most.
 * @param columns share of the columns that a split may choose from, above 0, below 1.
 */
record Trainer(int trees, int depth, float columns) {
    private static final float SMALLEST_LEAF = 5;
    private static final String TARGET = "value";
    /** Held, or the level would be forgotten with it. */
    private static final Logger TRIBUO = Logger.getLogger("org.tribuo");

    static {
        TRIBUO.setLevel(Level.WARNING); // it counts trees
    }

    WeightedEnsembleModel<Regressor> train(List<float[]> rows, double[] targets, long seed) {
        RegressionFactory factory = new RegressionFactory();
        // the time is fixed: provenance would otherwise be the one thing that differs between two runs
        MutableDataset<Regressor> data = new MutableDataset<>(
                new SimpleDataSourceProvenance(
                        "simulated plant", OffsetDateTime.of(2026, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC), factory),
                factory);
        String[] names = names(rows.get(0).length);
        for (int i = 0; i < targets.length; i++) {
            data.add(example(rows.get(i), targets[i], names));
        }
        CARTJointRegressionTrainer tree = new CARTJointRegressionTrainer(
                depth, SMALLEST_LEAF, 0f, columns, false, new MeanSquaredError(), false, seed);
        return (WeightedEnsembleModel<Regressor>)
                new RandomForestTrainer<>(tree, new AveragingCombiner(), trees, seed).train(data);
    }

    /** A row as Tribuo sees it; two digits keep its alphabetical order that of the columns up to a hundred. */
    static ArrayExample<Regressor> example(float[] row, double target, String[] names) {
        double[] values = new double[row.length];
        for (int i = 0; i < row.length; i++) {
            values[i] = row[i];
        }
        return new ArrayExample<>(new Regressor(TARGET, target), names, values);
    }

    static String[] names(int columns) {
        String[] names = new String[columns];
        for (int i = 0; i < columns; i++) {
            names[i] = "f" + i / 10 + i % 10;
        }
        return names;
    }
}
