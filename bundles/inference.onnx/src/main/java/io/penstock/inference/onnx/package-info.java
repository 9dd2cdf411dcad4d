/** Runs ONNX models with ONNX Runtime, which is embedded here and nowhere else. */
@NullMarked
package io.penstock.inference.onnx;

import org.jspecify.annotations.NullMarked;
