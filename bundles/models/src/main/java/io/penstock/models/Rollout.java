// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.util.List;

/**
 * One release on its way.
 *
 * @param file the name it came under.
 * @param release what it is.
 * @param steps evidence so far.
 */
record Rollout(String file, Release release, List<String> steps) {}
