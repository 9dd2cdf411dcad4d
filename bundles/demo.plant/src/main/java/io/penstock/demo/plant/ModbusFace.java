// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.demo.plant;

import com.digitalpetri.modbus.ExceptionCode;
import com.digitalpetri.modbus.exceptions.ModbusResponseException;
import com.digitalpetri.modbus.exceptions.UnknownUnitIdException;
import com.digitalpetri.modbus.pdu.ReadDiscreteInputsRequest;
import com.digitalpetri.modbus.pdu.ReadDiscreteInputsResponse;
import com.digitalpetri.modbus.pdu.ReadHoldingRegistersRequest;
import com.digitalpetri.modbus.pdu.ReadHoldingRegistersResponse;
import com.digitalpetri.modbus.pdu.WriteMultipleRegistersRequest;
import com.digitalpetri.modbus.pdu.WriteMultipleRegistersResponse;
import com.digitalpetri.modbus.server.ModbusRequestContext;
import com.digitalpetri.modbus.server.ModbusServices;
import com.digitalpetri.modbus.server.ModbusTcpServer;
import com.digitalpetri.modbus.tcp.server.NettyTcpServerTransport;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.ExecutionException;
import java.util.function.DoubleConsumer;

/**
 * The PLC on Modbus TCP. A request is answered from one scan's image, so a block is coherent. Silent, it takes connections and
 * requests and answers nothing, as a PLC in STOP behind a living switch does.
 */
final class ModbusFace implements AutoCloseable {
    private static final int DISCRETE_INPUTS = 32;

    private final ModbusTcpServer server;
    private final DoubleConsumer setpoint;
    private volatile boolean silent;
    private volatile Snapshot snapshot;
    private volatile double requested = Double.NaN;

    /**
     * @param setpoint takes what is written to AIC-2001.SP_ML; on a thread of the server, returns at once.
     * @throws IOException if the port is taken.
     */
    ModbusFace(int port, Snapshot first, DoubleConsumer setpoint) throws IOException {
        this.setpoint = setpoint;
        snapshot = first;
        server = ModbusTcpServer.create(
                NettyTcpServerTransport.create(config -> {
                    config.bindAddress = "127.0.0.1";
                    config.port = port;
                }),
                new Services());
        try {
            server.start();
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause().getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    void show(Snapshot next) {
        snapshot = next;
    }

    void setSilent(boolean silent) {
        this.silent = silent;
    }

    boolean isSilent() {
        return silent;
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (ExecutionException e) {
            throw new IllegalStateException("Modbus server does not stop", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Services implements ModbusServices {
        @Override
        public ReadHoldingRegistersResponse readHoldingRegisters(
                ModbusRequestContext context, int unit, ReadHoldingRegistersRequest request)
                throws ModbusResponseException, UnknownUnitIdException {
            answering(unit);
            int first = request.address() + 1;
            int last = request.address() + request.quantity();
            Snapshot now = snapshot;
            if (first >= RegisterMap.FIRST && last <= RegisterMap.LAST) {
                return new ReadHoldingRegistersResponse(
                        part(RegisterMap.image(now), first - RegisterMap.FIRST, request.quantity()));
            }
            if (first >= RegisterMap.SETPOINT && last <= RegisterMap.SETPOINT_LAST) {
                return new ReadHoldingRegistersResponse(
                        part(RegisterMap.setpoints(requested, now), first - RegisterMap.SETPOINT, request.quantity()));
            }
            throw refused(request.getFunctionCode(), ExceptionCode.ILLEGAL_DATA_ADDRESS);
        }

        @Override
        public ReadDiscreteInputsResponse readDiscreteInputs(
                ModbusRequestContext context, int unit, ReadDiscreteInputsRequest request)
                throws ModbusResponseException, UnknownUnitIdException {
            answering(unit);
            if (request.address() + request.quantity() > DISCRETE_INPUTS) {
                throw refused(request.getFunctionCode(), ExceptionCode.ILLEGAL_DATA_ADDRESS);
            }
            Snapshot now = snapshot;
            int bits = RegisterMap.status(now) | RegisterMap.failed(now) << 16;
            byte[] inputs = new byte[(request.quantity() + 7) / 8];
            for (int i = 0; i < request.quantity(); i++) {
                if (((bits >>> (request.address() + i)) & 1) == 1) {
                    inputs[i / 8] |= (byte) (1 << i % 8);
                }
            }
            return new ReadDiscreteInputsResponse(inputs);
        }

        /** A REAL is taken whole or not at all: half a setpoint is a random number. */
        @Override
        public WriteMultipleRegistersResponse writeMultipleRegisters(
                ModbusRequestContext context, int unit, WriteMultipleRegistersRequest request)
                throws ModbusResponseException, UnknownUnitIdException {
            answering(unit);
            if (request.address() + 1 != RegisterMap.SETPOINT || request.quantity() != 2) {
                throw refused(request.getFunctionCode(), ExceptionCode.ILLEGAL_DATA_ADDRESS);
            }
            float value = ByteBuffer.wrap(request.values()).getFloat();
            if (Float.isFinite(value)) {
                requested = value;
            }
            setpoint.accept(value);
            if (!Float.isFinite(value)) {
                throw refused(request.getFunctionCode(), ExceptionCode.ILLEGAL_DATA_VALUE);
            }
            return new WriteMultipleRegistersResponse(request.address(), request.quantity());
        }

        /** The library answers nothing to a unit it does not know, which is how silence is made. */
        private void answering(int unit) throws UnknownUnitIdException {
            if (silent) {
                throw new UnknownUnitIdException(unit);
            }
        }

        private static ModbusResponseException refused(int function, ExceptionCode code) {
            return new ModbusResponseException(function, code.getCode());
        }

        private static byte[] part(byte[] image, int register, int quantity) {
            return Arrays.copyOfRange(image, 2 * register, 2 * (register + quantity));
        }
    }
}
