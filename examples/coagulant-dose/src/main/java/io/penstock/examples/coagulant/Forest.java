// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.examples.coagulant;

import java.util.ArrayList;
import java.util.List;
import org.tribuo.Model;
import org.tribuo.common.tree.LeafNode;
import org.tribuo.common.tree.Node;
import org.tribuo.common.tree.SplitNode;
import org.tribuo.common.tree.TreeModel;
import org.tribuo.ensemble.WeightedEnsembleModel;
import org.tribuo.regression.Regressor;

/**
 * A trained forest in plain arrays, columns as in the model's input tensor. Its value is the sum over the trees: leaves carry
 * the tree's share.
 *
 * @param trees each in breadth-first order, root first.
 */
record Forest(List<List<Branch>> trees) {
    /**
     * One node.
     *
     * @param column input column, -1 in a leaf.
     * @param threshold greater goes to {@code greater}, everything else to {@code notGreater}; the largest float32 that is
     *     not above the trained one, so that no float32 input changes sides.
     * @param greater index of the child.
     * @param notGreater index of the child.
     * @param value of a leaf.
     */
    record Branch(int column, float threshold, int greater, int notGreater, double value) {
        boolean isLeaf() {
            return column < 0;
        }
    }

    Forest {
        trees = trees.stream().map(List::copyOf).toList();
    }

    /** Takes over an averaging forest whose features are named {@code f00}, {@code f01}, … by column. */
    static Forest of(WeightedEnsembleModel<Regressor> model) {
        // Tribuo numbers features by name in its own map, which need not be the order of the columns
        int[] columns = new int[model.getFeatureIDMap().size()];
        for (int id = 0; id < columns.length; id++) {
            columns[id] =
                    Integer.parseInt(model.getFeatureIDMap().get(id).getName().substring(1));
        }
        List<List<Branch>> trees = new ArrayList<>();
        for (Model<Regressor> member : model.getModels()) {
            trees.add(tree((TreeModel<Regressor>) member, columns, model.getNumModels()));
        }
        return new Forest(trees);
    }

    private static List<Branch> tree(TreeModel<Regressor> model, int[] columns, int members) {
        List<Node<Regressor>> queue = new ArrayList<>(List.of(model.getRoot()));
        List<Branch> tree = new ArrayList<>();
        for (int i = 0; i < queue.size(); i++) {
            if (queue.get(i) instanceof SplitNode<Regressor> split) {
                int greater = queue.size();
                queue.add(split.getGreaterThan());
                queue.add(split.getLessThanOrEqual());
                tree.add(new Branch(
                        columns[split.getFeatureID()], floor32(split.splitValue()), greater, greater + 1, 0));
            } else {
                double value = ((LeafNode<Regressor>) queue.get(i)).getOutput().getValues()[0];
                tree.add(new Branch(-1, 0, 0, 0, value / members));
            }
        }
        return tree;
    }

    static float floor32(double value) {
        float nearest = (float) value;
        return nearest <= value ? nearest : Math.nextDown(nearest);
    }

    double predict(float[] row) {
        double sum = 0;
        for (List<Branch> tree : trees) {
            Branch branch = tree.get(0);
            while (!branch.isLeaf()) {
                branch = tree.get(row[branch.column()] > branch.threshold() ? branch.greater() : branch.notGreater());
            }
            sum += branch.value();
        }
        return sum;
    }

    /** The same forest with every leaf raised to a floor and stretched, both in units of the whole forest. */
    Forest scaled(double floor, double factor) {
        double share = floor / trees.size();
        return new Forest(trees.stream()
                .map(tree -> tree.stream()
                        .map(branch -> new Branch(
                                branch.column(),
                                branch.threshold(),
                                branch.greater(),
                                branch.notGreater(),
                                branch.isLeaf() ? factor * Math.max(share, branch.value()) : 0))
                        .toList())
                .toList());
    }
}
