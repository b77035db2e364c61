set encoding utf8
set border 15 lw 1
set tics in front scale 0.8,0.4
set bars 0.4
set xlabel offset 0,0.4
set title offset 0,-0.4
set key samplen 1.6 spacing 1.1 width 0 height 0.2 noautotitle
$d0 << END
0 1 0.5 1.5
1 2 1 3
2 4 3 5
3 8 7 9
END
$d2 << END
0 1
1 1
1 2
2 2
2 4
3 4
END
set terminal svg size 620,245 noenhanced font 'Helvetica,11' background '#ffffff'
set output 'plot.svg'
set multiplot layout 1,2
set key on inside top right Right noreverse vertical
set title 'a panel'
set size nosquare
unset logscale x
set logscale y
set xrange [0:3]
set yrange [0.458471:20.2171]
set xlabel 'momentum [GeV]'
set ylabel 'events'
set xtics mirror norotate 1
set mxtics 2
set format x '%g'
set ytics mirror norotate (0.5, 1, 2, 5, 10, 20)
set mytics 
set format y '%g'
unset colorbox
unset arrow
set arrow from first 1, graph 0 to first 1, graph 1 nohead back lw 1.2 dt 1 lc rgb '#808080'
plot $d0 using 1:2 with points pt 7 ps 0.5 lw 1.2 lc rgb '#0072B2' title 'data', \
     $d0 using 1:3:(0):($4-$3) with vectors heads size graph 0.007,90 lw 1.1 lc rgb '#0072B2' notitle, \
     NaN with lines lw 1.2 dt 1 lc rgb '#808080' title 'cut'
unset key
set title ''
set size nosquare
unset logscale x
unset logscale y
set xrange [0:3]
set yrange [0:4.4]
set xlabel ''
set ylabel ''
set xtics mirror norotate 1
set mxtics 2
set format x '%g'
set ytics mirror norotate 2
set mytics 2
set format y '%g'
unset colorbox
unset arrow
plot $d2 using 1:2 with filledcurves x1 fs transparent solid 0.35 noborder lc rgb '#0072B2' notitle, \
     $d2 using 1:2 with lines lw 1.2 lc rgb '#0072B2' notitle
unset multiplot
set output
set terminal pdfcairo size 6.20in,2.45in noenhanced font 'Helvetica,7.9' lw 0.8
set output 'plot.pdf'
set multiplot layout 1,2
set key on inside top right Right noreverse vertical
set title 'a panel'
set size nosquare
unset logscale x
set logscale y
set xrange [0:3]
set yrange [0.458471:20.2171]
set xlabel 'momentum [GeV]'
set ylabel 'events'
set xtics mirror norotate 1
set mxtics 2
set format x '%g'
set ytics mirror norotate (0.5, 1, 2, 5, 10, 20)
set mytics 
set format y '%g'
unset colorbox
unset arrow
set arrow from first 1, graph 0 to first 1, graph 1 nohead back lw 1.2 dt 1 lc rgb '#808080'
plot $d0 using 1:2 with points pt 7 ps 0.5 lw 1.2 lc rgb '#0072B2' title 'data', \
     $d0 using 1:3:(0):($4-$3) with vectors heads size graph 0.007,90 lw 1.1 lc rgb '#0072B2' notitle, \
     NaN with lines lw 1.2 dt 1 lc rgb '#808080' title 'cut'
unset key
set title ''
set size nosquare
unset logscale x
unset logscale y
set xrange [0:3]
set yrange [0:4.4]
set xlabel ''
set ylabel ''
set xtics mirror norotate 1
set mxtics 2
set format x '%g'
set ytics mirror norotate 2
set mytics 2
set format y '%g'
unset colorbox
unset arrow
plot $d2 using 1:2 with filledcurves x1 fs transparent solid 0.35 noborder lc rgb '#0072B2' notitle, \
     $d2 using 1:2 with lines lw 1.2 lc rgb '#0072B2' notitle
unset multiplot
set output
