// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

/**
 * The PLC's holding registers, numbered from 40001 as on the drawing. REAL and UDINT take two registers, most significant word
 * first, bytes big-endian (ABCD).
 */
final class RegisterMap {
    /** First register of the process image. */
    static final int FIRST = 101;
    /** Last register of the process image. */
    static final int LAST = 160;
    /** AIC-2001.SP_ML, REAL: the only one that can be written, and only whole. */
    static final int SETPOINT = 201;
    /** Last register of the setpoint block. */
    static final int SETPOINT_LAST = 212;

    private static final int TITRATION_AGE = 117;
    private static final int STATUS = 151;
    private static final int LIFE = 152;
    private static final int PLC_TIME = 153;
    private static final int FAILED = 155;
    private static final int STATE = 156;

    private RegisterMap() {}

    /** Bytes of the registers {@link #FIRST} to {@link #LAST}. */
    static byte[] image(Snapshot snapshot) {
        byte[] image = new byte[2 * (LAST - FIRST + 1)];
        for (PlantTag tag : PlantTag.values()) {
            real(image, tag.register() - FIRST, snapshot.reading(tag));
        }
        real(image, TITRATION_AGE - FIRST, snapshot.titrationAge());
        word(image, STATUS - FIRST, status(snapshot));
        word(image, LIFE - FIRST, snapshot.life());
        int time = (int) (long) snapshot.plantSeconds();
        word(image, PLC_TIME - FIRST, time >>> 16);
        word(image, PLC_TIME - FIRST + 1, time);
        word(image, FAILED - FIRST, failed(snapshot));
        word(image, STATE - FIRST, snapshot.state().code());
        return image;
    }

    /** Bytes of the registers {@link #SETPOINT} to {@link #SETPOINT_LAST}. */
    static byte[] setpoints(double requested, Snapshot snapshot) {
        byte[] image = new byte[2 * (SETPOINT_LAST - SETPOINT + 1)];
        real(image, 0, requested);
        real(image, 2, Plc.DOSE_LOW);
        real(image, 4, Plc.DOSE_HIGH);
        real(image, 6, Plc.RAMP_UP);
        real(image, 8, Plc.RAMP_DOWN);
        real(image, 10, Math.min(snapshot.requestAge(), 1e6));
        return image;
    }

    /** Register 40151; the discrete inputs 10001 to 10016 show the same bits. */
    static int status(Snapshot snapshot) {
        int bits = 0;
        bits |= snapshot.pumping() ? 1 : 0;
        bits |= snapshot.pumpFailed() ? 1 << 1 : 0;
        bits |= snapshot.pumping() ? 1 << 2 : 0;
        bits |= snapshot.remoteSelected() ? 1 << 8 : 1 << 7;
        bits |= snapshot.state() == Plc.State.REMOTE ? 1 << 9 : 0;
        bits |= snapshot.state() == Plc.State.FALLBACK ? 1 << 10 : 0;
        return bits;
    }

    /** Register 40155: one bit per transmitter that has failed, by the order of {@link PlantTag}; discrete inputs 10017 on. */
    static int failed(Snapshot snapshot) {
        int bits = 0;
        for (PlantTag tag : PlantTag.values()) {
            bits |= snapshot.hasFailed(tag) ? 1 << tag.index() : 0;
        }
        return bits;
    }

    private static void real(byte[] image, int register, double value) {
        int bits = Float.floatToIntBits((float) value);
        word(image, register, bits >>> 16);
        word(image, register + 1, bits);
    }

    private static void word(byte[] image, int register, int value) {
        image[2 * register] = (byte) (value >>> 8);
        image[2 * register + 1] = (byte) value;
    }
}
