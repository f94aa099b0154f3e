/* N-body: the Sun and the four gas giants; the energy before and after, in units of 1e-9. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define BODIES 5
#define SOLAR_MASS 39.47841760435743
#define DAYS 365.24

static double x[BODIES];
static double y[BODIES];
static double z[BODIES];
static double vx[BODIES];
static double vy[BODIES];
static double vz[BODIES];
static double mass[BODIES];

/* Velocities are given a day, masses in units of the Sun's. */
static void set_body(uint64_t i, double px, double py, double pz, double ux, double uy,
                     double uz, double m) {
    x[i] = px;
    y[i] = py;
    z[i] = pz;
    vx[i] = ux * DAYS;
    vy[i] = uy * DAYS;
    vz[i] = uz * DAYS;
    mass[i] = m * SOLAR_MASS;
}

static void set_up(void) {
    set_body(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0);
    set_body(1, 4.84143144246472090, 0.0 - 1.16032004402742839, 0.0 - 0.103622044471123109,
        0.00166007664274403694, 0.00769901118419740425, 0.0 - 0.0000690460016972063023,
        0.000954791938424326609);
    set_body(2, 8.34336671824457987, 4.12479856412430479, 0.0 - 0.403523417114321381,
        0.0 - 0.00276742510726411270, 0.00499852801234917238, 0.0000230417297573763929,
        0.000285885980666130812);
    set_body(3, 12.8943695621391310, 0.0 - 15.1111514016986312, 0.0 - 0.223307578892655734,
        0.00296460137564761618, 0.00237847173959480950, 0.0 - 0.0000296589568540237556,
        0.0000436624404335156298);
    set_body(4, 15.3796971148509165, 0.0 - 25.9193146099879641, 0.179258772950371181,
        0.00268067772490389322, 0.00162824170038242295, 0.0 - 0.0000951592254519715870,
        0.0000515138902046611451);
    double px = 0.0;
    double py = 0.0;
    double pz = 0.0;
    for (uint64_t i = 0; i < BODIES; i++) {
        px = px + vx[i] * mass[i];
        py = py + vy[i] * mass[i];
        pz = pz + vz[i] * mass[i];
    }
    vx[0] = 0.0 - px / SOLAR_MASS;
    vy[0] = 0.0 - py / SOLAR_MASS;
    vz[0] = 0.0 - pz / SOLAR_MASS;
}

static double energy(void) {
    double total = 0.0;
    for (uint64_t i = 0; i < BODIES; i++) {
        total = total + 0.5 * mass[i] * (vx[i] * vx[i] + vy[i] * vy[i] + vz[i] * vz[i]);
        for (uint64_t j = i + 1; j < BODIES; j++) {
            double dx = x[i] - x[j];
            double dy = y[i] - y[j];
            double dz = z[i] - z[j];
            total = total - mass[i] * mass[j] / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return total;
}

static void advance(double dt) {
    for (uint64_t i = 0; i < BODIES; i++) {
        for (uint64_t j = i + 1; j < BODIES; j++) {
            double dx = x[i] - x[j];
            double dy = y[i] - y[j];
            double dz = z[i] - z[j];
            double square = dx * dx + dy * dy + dz * dz;
            double pull = dt / (square * sqrt(square));
            vx[i] = vx[i] - dx * mass[j] * pull;
            vy[i] = vy[i] - dy * mass[j] * pull;
            vz[i] = vz[i] - dz * mass[j] * pull;
            vx[j] = vx[j] + dx * mass[i] * pull;
            vy[j] = vy[j] + dy * mass[i] * pull;
            vz[j] = vz[j] + dz * mass[i] * pull;
        }
    }
    for (uint64_t i = 0; i < BODIES; i++) {
        x[i] = x[i] + dt * vx[i];
        y[i] = y[i] + dt * vy[i];
        z[i] = z[i] + dt * vz[i];
    }
}

int main(void) {
    set_up();
    printf("%" PRId64 "\n", (int64_t)(0.0 - energy() * 1000000000.0));
    for (int step = 0; step < 5000000; step++) advance(0.01);
    printf("%" PRId64 "\n", (int64_t)(0.0 - energy() * 1000000000.0));
    return 0;
}
