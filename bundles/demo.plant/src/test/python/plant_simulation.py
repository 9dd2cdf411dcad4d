# SPDX-FileCopyrightText: The Penstock authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic water works "WTP-1": coagulant dosing, the oracle of Penstock's demo plant.

What it is: raw water with a storm, alum dosing by a PLC ratio controller, coagulation chemistry, clarifier and filter,
sensors with faults, and three ways to set the dose: constant, PLC turbidity curve, model with a simple guard set.
Step 10 s. Synthetic: equations and coefficients are plausible, not fitted to a plant.

How to run (python3 with NumPy; checked with NumPy 2.4.6):
  python3 plant_simulation.py        all cases over 72 h, one line each, then a static dose table; about 30 s of CPU
Short run, from this folder:
  python3 -c "import plant_simulation as p; print(p.run(p.fixed, hours=2)[-1].round(2))"

run(ctrl, hours, seed, storm, events) returns one row per step:
  hour, raw turbidity, UV254, flow, setpoint, dose, coagulated pH, dose ratio, settled NTU, filtered NTU, DOC, state
  (state 0 constant, 1 model, 2 hold, 3 shed). events is a list of (from h, to h, kind), kind one of
  freeze_t foul_t comms spike pump.
"PLC curve only" is run as a gateway that never answers. Not in the script: sanity corridor, hourly movement limit, trip
wires, drift monitors, 12-bit quantisation, sensor bias, NE 43."""
import numpy as np
DT=10.0; AL_GL=55.9           # g Al per litre of product (alum 8 % Al2O3, 1.32 kg/l)
K1,K2,X3,X2,X1,B=-0.054,0.54,6.42,-98.6,383.,0.145   # Edwards (1997) "General-Al"
def pk1(t): return 6.58-0.0125*t+0.00013*t*t
def coag_ph(alk,ph,t,d):
    co2=alk*10**(pk1(t)-ph); a=alk-5.56*d
    return np.where(a>1, pk1(t)+np.log10(np.maximum(a,1)/(co2+5.56*d)), 4.5)
def edwards(doc,uv_m,ph,d):
    suva=uv_m/doc; fns=np.clip(K1*suva+K2,0.05,0.95); s=1-fns; a=max(X3*ph**3+X2*ph**2+X1*ph,1.0); m=max(d,1e-3)/26.98
    p=doc*s*B-1-m*a*B; return (-p-np.sqrt(p*p+4*B*doc*s))/(-2*B)+fns*doc
def demand(turb,uv,t): return (0.30+0.12*turb**0.62+0.105*uv)*(1+0.010*(15-t))
def settled(turb,uv,t,phc,d):
    r=d*np.exp(-0.5*((phc-6.8)/0.9)**2)/demand(turb,uv,t)
    e=1/(1+np.exp(-(r-0.75)/0.07)); good=0.25+0.25*turb**0.4
    return e*good+(1-e)*0.7*turb+0.10*max(0,r-1.5)*d, r
class Delay:
    def __init__(s,v0,n): s.b=[v0]*max(1,n)
    def __call__(s,v): s.b.append(v); return s.b.pop(0)
def run(ctrl,hours=72,seed=1,storm=24.0,events=()):
    rng=np.random.default_rng(seed); n=int(hours*3600/DT); out=np.zeros((n,12))
    turb,uv=8.0,12.0; ou=0.0; sp=2.4; d=2.4; mix=2.4; q0=1000.
    cl=[1.2]*3; dl=Delay(1.2,180); filt=0.08; meas=dict(t=8.,u=12.); log=[]
    for k in range(n):
        h=k*DT/3600; ou+=DT/14400*(-ou)+0.05*np.sqrt(2*DT/14400)*rng.standard_normal()
        x=h-storm; pulse=0 if x<0 else (x/1.2)*np.exp(1-x/1.2) if x<1.2 else np.exp(-(x-1.2)/9.)
        pu=0 if x<1 else min(1,(x-1)/4)*np.exp(-max(0,x-5)/20.)
        turb=8*np.exp(ou)+260*pulse; uv=12*np.exp(0.3*ou)+14*pu
        temp=9+1.0*np.sin(2*np.pi*(h-9)/24); alk=90-25*pu; ph=7.6-0.15*pu; doc=4.0+3.2*pu
        q=q0*(1+0.15*np.sin(2*np.pi*(h-7)/24))
        # sensors: lag 30 s, 2 % noise, optional faults
        meas['t']+=DT/30*(turb-meas['t']); meas['u']+=DT/30*(uv-meas['u'])
        mt=meas['t']*(1+.02*rng.standard_normal()); mu=meas['u']*(1+.01*rng.standard_normal())
        good=True
        for (a,b,kind) in events:
            if a<=h<b:
                if kind=='freeze_t': mt=run.ft; 
                elif kind=='foul_t': mt=mt*(1+0.05*(h-a))
                elif kind=='comms': good=False
                elif kind=='spike' and rng.random()<.05: mt*=8
        run.ft=mt; run.t2=meas['t']*(1+.05*rng.standard_normal())   # t2 = second turbidimeter wired to the PLC
        sp,state=ctrl(h,mt,mu,temp,q,good,sp)
        pump=1.0
        for (a,b,kind) in events:
            if kind=='pump' and a<=h<b: pump=0.0
        d=pump*min(sp,200*AL_GL/q)               # PLC ratio control: q_c = sp*q/AL_GL, pump max 200 l/h
        mix+=DT/60*(d-mix); phc=float(coag_ph(alk,ph,temp,mix)); s,r=settled(turb,uv,temp,phc,mix)
        f=q/1000.; y=dl(s)
        for i in range(3): y_=cl[i]+DT/(1800./f)*(y-cl[i]); cl[i]=y_; y=y_
        filt+=DT/900*((0.03+0.05*y**1.1)-filt)
        out[k]=[h,turb,uv,q,sp,d,phc,r,y,filt,edwards(doc,uv,phc,mix),state]
    return out
def fixed(h,t,u,T,q,g,sp): return 2.6,0
class Guarded:
    """model = demand*1.15*bias; guards: spike filter, frozen check, clamp, rate, deadband, hold, shed to a PLC fallback"""
    def __init__(s,bias=1.0,guards=True,fb='const'): s.fb=fb;s.b=bias;s.g=guards;s.bad=0;s.last=0;s.c=2.4;s.win=[];s.shed=False
    def __call__(s,h,t,u,T,q,good,sp):
        if not s.g: return float(np.clip(1.15*s.b*demand(max(t,.1),u,T),0,50)),1
        s.win.append(t); s.win=s.win[-31:]; m=np.median(s.win); mad=1.4826*np.median(np.abs(np.array(s.win)-m))+.02*m
        tt=m if abs(t-m)>4*mad else t
        frozen=len(s.win)>=31 and np.ptp(s.win)<1e-9
        ok=good and not frozen
        s.bad=0 if ok else s.bad+DT
        if s.bad>300: s.shed=True                       # hold 5 min then shed
        if s.shed:                                       # PLC-side fallback: last good SP ramped to table value 3.0
            tgt=3.0 if s.fb=='const' else float(np.interp(run.t2,[0,5,10,25,50,100,200,400,1000],[2.2,2.5,3.0,3.8,4.8,6.0,7.5,8.0,8.0]))
            return sp+np.clip(tgt-sp,-.02,.05),3
        if not ok: return sp,2
        if h-s.last>=1/60.:
            s.last=h; want=np.clip(1.15*s.b*demand(max(tt,.1),u,T),1.0,8.0)
            if abs(want-sp)>=0.05: s.c=float(sp+np.clip(want-sp,-0.10,0.20))
            else: s.c=sp
        return s.c,1
if __name__=='__main__':
    def rep(nm,o):
        cost=np.sum(o[:,5]*o[:,3])*DT/3600/1000
        print(f"{nm:34s} settled p50 {np.median(o[:,8]):5.2f} max {o[:,8].max():6.2f} NTU | filtered p95 {np.percentile(o[:,9],95):.2f} max {o[:,9].max():.2f} | dose {o[:,5].min():.2f}-{o[:,5].max():.2f} mg Al/l, used {cost:6.1f} kg Al | pHc {o[:,6].min():.2f}-{o[:,6].max():.2f} | DOC out {np.median(o[:,10]):.2f} | %t shed {100*np.mean(o[:,11]==3):.1f} hold {100*np.mean(o[:,11]==2):.1f}")
    rep('fixed 2.6',run(fixed)); rep('model, guarded',run(Guarded())); rep('model -12 % bias, guarded',run(Guarded(.88)))
    rep('turb sensor spikes, no guards',run(Guarded(guards=False),events=[(10,14,'spike')])); rep('turb sensor spikes, guarded',run(Guarded(),events=[(10,14,'spike')]))
    rep('turb frozen at 20 h, no guards',run(Guarded(guards=False),events=[(20,60,'freeze_t')])); rep('turb frozen at 20 h, guarded',run(Guarded(),events=[(20,60,'freeze_t')]))
    rep('comms loss 25-27 h, guarded',run(Guarded(),events=[(25,27,'comms')])); rep('fouling +5 %/h 4-20 h, guarded',run(Guarded(),events=[(4,20,'foul_t')]))
    rep('turb frozen, PLC curve fallback',run(Guarded(fb='curve'),events=[(20,60,'freeze_t')])); rep('comms loss 25-27, PLC curve fallbk',run(Guarded(fb='curve'),events=[(25,27,'comms')]))
    rep('PLC curve only (baseline)',run(Guarded(fb='curve'),events=[(0,72,'comms')]))
    rep('pump fail 10-10.75 h',run(Guarded(),events=[(10,10.75,'pump')]))
    for t,u in((8,12),(50,18),(268,26)): print('demand',t,u,round(float(demand(t,u,9)),2),[ (d,round(float(coag_ph(90,7.6,9,d)),2),round(float(settled(t,u,9,float(coag_ph(90,7.6,9,d)),d)[0]),2),round(float(edwards(4.,12.,float(coag_ph(90,7.6,9,d)),d)),2)) for d in(1.,2.,3.,4.,6.,8.)])
